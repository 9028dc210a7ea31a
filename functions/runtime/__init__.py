"""One job from start to end: grant, fetch, run, check, put, report. `engine` is what engines import."""
