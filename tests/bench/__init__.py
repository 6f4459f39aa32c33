"""The benchmark: rdspool and its peers in one run, with one server behind one RDS front. tests/bench/run.sh runs it."""
