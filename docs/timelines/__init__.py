"""Measure a cold start, a warm start, a reconnect and a failover on this machine, and draw their time lines as SVG files beside this one.

`docs/run.sh --timelines` runs it. `runs.json` has what was measured.
"""
