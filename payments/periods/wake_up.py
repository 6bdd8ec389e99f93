"""Has the reports of a closed month kept: at its closing, and every hour what lacks."""

JOB = "keep_period_reports"
