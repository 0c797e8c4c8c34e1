#!/usr/bin/env bash
# Plans; writes flexpay-plan.json and flexpay-plan.md, and tells the next steps whether there is something to apply.
# Ends with flexpay's own exit code where the plan is refused, so that the check on the pull request is red.
set -uo pipefail

flexpay plan --out flexpay-plan.json --format markdown --detailed-exitcode > flexpay-plan.md
code=$?
changes=false
if [ "$code" -eq 2 ]; then changes=true; fi
echo "changes=$changes" >> "${GITHUB_OUTPUT:-/dev/null}"
if [ -s flexpay-plan.md ]; then cat flexpay-plan.md >> "${GITHUB_STEP_SUMMARY:-/dev/null}"; else rm -f flexpay-plan.md; fi
case "$code" in
  0 | 2) exit 0 ;;
  *) exit "$code" ;;
esac
