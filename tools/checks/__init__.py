# SPDX-License-Identifier: Apache-2.0
"""What `tools/layers` and `tools/tidy` do; a module a check, standard library only."""
