# SPDX-License-Identifier: Apache-2.0
"""Installs the library into a scratch folder and builds examples against it, by pkg-config and as a CMake package, in C++20 and in C99."""

import argparse
import glob
import os
import subprocess
import sys
import tempfile

STRIPPED_BYTES_MAX = 1_500_000


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def by_pkg_config(options, prefix, work):
    folder = os.path.dirname(glob.glob(f"{prefix}/**/fantail.pc", recursive=True)[0])
    flags = run("pkg-config", "--cflags", "--libs", "fantail", env=dict(os.environ, PKG_CONFIG_PATH=folder)).split()
    program = os.path.join(work, "pipeline")
    run(options.compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-o", program,
        os.path.join(options.examples, "pipeline.cpp"), *flags)
    run(program)
    run("strip", program)
    size = os.path.getsize(program)
    if size > STRIPPED_BYTES_MAX:
        sys.exit(f"a program with the library takes {size} bytes, more than {STRIPPED_BYTES_MAX}")
    print(f"pkg-config: works, {size} bytes stripped")


def by_c(options, prefix, work):
    folder = os.path.dirname(glob.glob(f"{prefix}/**/fantail.pc", recursive=True)[0])
    flags = run("pkg-config", "--static", "--cflags", "--libs", "fantail", env=dict(os.environ, PKG_CONFIG_PATH=folder)).split()
    program = os.path.join(work, "request_reply")
    run("cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", program,
        os.path.join(options.examples, "request_reply.c"), *flags)
    print(f"C: works, {run(program).strip()!r}")


def by_cmake(options, prefix, work):
    with open(os.path.join(work, "CMakeLists.txt"), "w", encoding="utf-8") as project:
        project.write(f"""cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES CXX)
find_package(fantail REQUIRED)
add_executable(user {options.examples}/publish_subscribe.cpp)
target_link_libraries(user PRIVATE fantail::fantail)
""")
    run(options.cmake, "-S", work, "-B", f"{work}/build", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={options.compiler}")
    run(options.cmake, "--build", f"{work}/build")
    run(f"{work}/build/user")
    print("CMake package: works")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("cmake", "build", "compiler", "examples"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fantail-install-") as work:
        prefix = os.path.join(work, "prefix")
        run(options.cmake, "--install", options.build, "--component", "library", "--prefix", prefix)
        by_pkg_config(options, prefix, work)
        by_c(options, prefix, work)
        by_cmake(options, prefix, work)


if __name__ == "__main__":
    main()
