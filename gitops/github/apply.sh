#!/usr/bin/env bash
# Applies exactly the saved plan; ends with flexpay's own exit code.
set -uo pipefail

flexpay apply "${PLAN:-flexpay-plan.json}" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"
exit "${PIPESTATUS[0]}"
