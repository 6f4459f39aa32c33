"""The matrix: names of targets, and what is pruned."""

from __future__ import annotations

import botocore.session
import pytest

from layer import matrix
from layer.errors import LayerError


def test_every_target_is_found_again_by_its_file_name() -> None:
    targets = matrix.targets()
    assert len(targets) == len({target.name for target in targets}) == 6
    assert [matrix.parse(f"{target.name}.zip") for target in targets] == targets


def test_the_default_is_the_layer_that_the_readme_names() -> None:
    target = matrix.target(matrix.default("python"), matrix.default("architecture"))
    assert target.name == "rdspool-python3.13-x86_64"


@pytest.mark.parametrize("name", ["rdspool-python3.11-x86_64.zip", "rdspool-python3.13-aarch64.zip", "other.zip"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(LayerError, match=r"not the name of a layer, such as rdspool-python3\.12-x86_64\.zip; name the layer with --as"):
        matrix.parse(name)


def test_a_target_outside_the_matrix_is_refused_with_the_choices() -> None:
    with pytest.raises(LayerError, match=r"python '3\.11'.*3\.12, 3\.13, 3\.14"):
        matrix.target("3.11", "x86_64")


@pytest.mark.parametrize(
    "path",
    [
        "mysql/connector/aio/plugins/caching_sha2_password.py",
        "mysql/connector/django/base.py",
        "mysql/connector/plugins/authentication_kerberos_client.py",
        "mysql/connector/plugins/authentication_webauthn_client.py",
        "mysql/vendor/private/sasl2/libgssapiv2.so",
        "mysql/vendor/plugin/authentication_oci_client.so",
        "mysql/vendor/libssl.so.3",
        "mysql/connector/connection_cext.py",
        "_mysql_connector.cpython-313-x86_64-linux-gnu.so",
        "mysql/ai/genai/llm.py",
        "sqlalchemy/testing/suite/test_select.py",
        "sqlalchemy/dialects/mysql/provision.py",
        "sqlalchemy/util/_collections_cy.pxd",
        "sqlalchemy/engine/_row_cy.py",
        "sqlalchemy-2.1.9.dist-info/RECORD",
    ],
)
def test_pruned(path: str) -> None:
    assert matrix.pruned(path)


@pytest.mark.parametrize(
    "path",
    [
        "mysql/connector/plugins/mysql_clear_password.py",
        "mysql/connector/plugins/caching_sha2_password.py",
        "mysql/connector/plugins/mysql_native_password.py",
        "mysql/connector/plugins/sha256_password.py",
        "mysql/connector/authentication.py",
        "mysql/connector/opentelemetry/constants.py",
        "sqlalchemy/dialects/sqlite/pysqlite.py",
        "sqlalchemy/dialects/postgresql/base.py",
        "sqlalchemy/engine/_row_cy.cpython-313-x86_64-linux-gnu.so",
        "sqlalchemy-2.1.9.dist-info/METADATA",
        "mysql_connector_python-26.10.0.dist-info/licenses/LICENSE.txt",
    ],
)
def test_kept(path: str) -> None:
    assert matrix.pruned(path) is None


def test_the_regions_of_each_partition_are_those_that_botocore_knows() -> None:
    session = botocore.session.get_session()
    for name, partition in matrix.partitions().items():
        known = set(session.get_available_regions("lambda", name))
        assert partition.home in known
        assert set(partition.all_regions) in (known, set()), name
        assert len(partition.all_regions) == len(set(partition.all_regions))
        assert all(matrix.partition_of(region) == name for region in partition.all_regions)


def test_a_region_that_the_matrix_does_not_have_has_no_partition() -> None:
    assert matrix.partition_of("eusc-de-east-1") == "aws-eusc"
    assert matrix.partition_of("xx-nowhere-1") is None
