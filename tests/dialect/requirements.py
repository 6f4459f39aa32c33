"""What MySQL and MariaDB can do, for SQLAlchemy's suite: it skips the tests of what a server has not.

Each entry is a fact about the servers. What is known to fail is run and has to fail, so that a list which is out of date shows.
"""

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

SUPPORTED = """
    autocommit check_constraint_reflection comment_reflection computed_columns computed_columns_reflect_persisted
    computed_columns_stored computed_columns_virtual create_or_replace_view create_table_as create_temp_table_as
    cross_schema_fk_reflection ctes date_historic datetime_historic datetime_literals dbapi_lastrowid emulated_lastrowid except_
    expression_server_defaults fk_constraint_option_reflection_ondelete_noaction foreign_key_constraint_name_reflection
    foreign_key_constraint_option_reflection_ondelete foreign_key_constraint_option_reflection_onupdate
    foreign_keys_reflect_as_index has_temp_table indexes_check_column_order intersect isolation_level json_type
    legacy_unconditional_json_extract mod_operator_as_percent_sign nvarchar_types order_by_label_with_expression
    percent_schema_names precision_numerics_enotation_small precision_numerics_many_significant_digits
    precision_numerics_retains_significant_digits reflect_table_options regexp_match regexp_replace savepoints
    schema_create_delete server_defaults skip_autocommit_rollback supports_bitwise_and supports_bitwise_or
    supports_bitwise_shift supports_bitwise_xor table_ddl_if_exists temp_table_comment_reflection tuple_in
    two_phase_transactions unicode_ddl unique_constraints_reflect_as_index unique_index_reflect_as_unique_constraints
    update_from view_column_reflection view_reflection views window_functions window_range window_range_numeric
"""

ONLY_ON = {
    "cast_precision_numerics_many_significant_digits": ("mariadb",),
    "ctes_with_values": ("mariadb", 10, 3),
    "fetch_first": ("mariadb", 10, 6),
    "fetch_no_order_by": ("mariadb", 10, 6),
    "fetch_ties": ("mariadb", 10, 6),
    "fk_constraint_option_reflection_ondelete_restrict": ("mysql",),  # MariaDB does not show a RESTRICT, its default
    "fk_constraint_option_reflection_onupdate_restrict": ("mysql",),
    "index_ddl_if_exists": ("mariadb",),
    "json_index_supplementary_unicode_element": ("mysql",),
    "uuid_data_type": ("mariadb", 10, 7),
}

UNSUPPORTED = {
    "datetime_microseconds": "DATETIME without a precision holds whole seconds",
    "time_microseconds": "TIME without a precision holds whole seconds",
    "unbounded_varchar": "VARCHAR needs a length",
}

FAILS = {
    "date_implicit_bound": "values travel as literals within the statement, a date as a string",
    "datetime_implicit_bound": "values travel as literals within the statement, a date as a string",
    "infinity_floats": "the servers have no infinity",
    "precision_generic_float_type": "FLOAT gives back some six digits",
    "reflects_pk_names": "every primary key is named PRIMARY",
    "sql_expression_limit_offset": "LIMIT and OFFSET take no expressions",
    "supports_bitwise_not": "~ gives an unsigned number of 64 bits",
    "time_implicit_bound": "values travel as literals within the statement, a time as a string",
}

NEW_IN_2_1 = {"create_or_replace_view", "create_table_as", "create_temp_table_as", "window_range", "window_range_numeric"}
"""What the suite of SQLAlchemy 2.0 has no tests of."""


class Requirements(SuiteRequirements):
    """What is not named above is as SQLAlchemy assumes of any database."""

    def get_order_by_collation(self, config):
        return "utf8mb4_bin"


def _runs_on(config, kind, *version):
    """Return whether the server is of the kind, and of the version or a later one, whatever the URL calls it."""
    dialect = config.db.dialect
    return dialect.is_mariadb == (kind == "mariadb") and dialect.server_version_info >= version


def _set(name, rule):
    if name in NEW_IN_2_1 and not hasattr(SuiteRequirements, name):
        return
    assert hasattr(SuiteRequirements, name), f"SQLAlchemy's suite knows no requirement {name!r}"
    setattr(Requirements, name, property(lambda _: rule()))


for name in SUPPORTED.split():
    _set(name, exclusions.open)
for name, server in ONLY_ON.items():
    _set(name, lambda server=server: exclusions.only_if(lambda config: _runs_on(config, *server), "the other server has it not"))
for name, reason in UNSUPPORTED.items():
    _set(name, lambda reason=reason: exclusions.closed(reason))
for name, reason in FAILS.items():
    _set(name, lambda reason=reason: exclusions.fails(reason))
