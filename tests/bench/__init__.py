"""The benchmark: rdspool beside its peers, in one run, against one server behind one RDS front. tests/bench/run.sh runs it."""
