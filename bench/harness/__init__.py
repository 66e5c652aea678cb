# SPDX-License-Identifier: Apache-2.0
"""The parts of bench/run: servers, scenarios, one run of each, the table and the plot."""
