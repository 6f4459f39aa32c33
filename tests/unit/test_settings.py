"""Settings: where each value comes from, and what the error for a wrong one says."""

from __future__ import annotations

import copy
import pickle
import traceback

import botocore.session
import pytest
from rdspool import Settings, SettingsError
from rdspool._aws.endpoints import is_proxy, partition_of, region_of, region_of_arn
from rdspool.secret import Secret

HOST = "app.cluster-c1abc.eu-central-1.rds.amazonaws.com"
BASE = {"RDSPOOL_HOST": HOST, "RDSPOOL_USER": "app"}


def load(name=None, environ=None, **overrides):
    return Settings.load(name, environ={**BASE, **(environ or {})}, **overrides)


def test_defaults_are_frozen():
    settings = load()
    assert settings == Settings(host=HOST, user="app", region="eu-central-1")
    assert (settings.port, settings.pool_recycle, settings.wait_timeout, settings.connect_timeout, settings.deadline_margin_ms) == (
        3306,
        300,
        330,
        None,
        500,
    )
    assert settings.iam
    assert settings.database is None


def test_every_variable_is_read():
    settings = load(
        environ={
            "RDSPOOL_PORT": "3307",
            "RDSPOOL_DATABASE": "shop",
            "RDSPOOL_REGION": "eu-central-1",
            "RDSPOOL_PASSWORD": "pw",
            "RDSPOOL_CA": __file__,
            "RDSPOOL_POOL_RECYCLE": "60",
            "RDSPOOL_WAIT_TIMEOUT": "90",
            "RDSPOOL_ISOLATION_LEVEL": "read-committed",
            "RDSPOOL_CONNECT_TIMEOUT": "2.5",
            "RDSPOOL_DEADLINE_MARGIN_MS": "250",
        }
    )
    assert settings == Settings(
        host=HOST,
        user="app",
        port=3307,
        database="shop",
        region="eu-central-1",
        password=Secret("pw"),
        ca=__file__,
        pool_recycle=60,
        wait_timeout=90,
        isolation_level="READ COMMITTED",
        connect_timeout=2.5,
        deadline_margin_ms=250,
    )


def test_keyword_goes_before_url_before_variable():
    url = "mysql+rdspool://urluser:p%40ss@url.example.com:3310/urldb?pool_recycle=70"
    settings = Settings.load(environ={**BASE, "RDSPOOL_URL": url, "AWS_REGION": "eu-west-1", "RDSPOOL_WAIT_TIMEOUT": "700"}, user="keyword")
    assert (settings.user, settings.host, settings.port, settings.database) == ("keyword", "url.example.com", 3310, "urldb")
    assert settings.password == Secret("p@ss")
    assert (settings.pool_recycle, settings.wait_timeout) == (70, 700)


def test_named_engine_shares_tuning_but_no_identity():
    environ = {
        "RDSPOOL_POOL_RECYCLE": "60",
        "RDSPOOL_PASSWORD": "main's",
        "RDSPOOL_REPORTING_HOST": f"r.{HOST}",
        "RDSPOOL_REPORTING_USER": "reader",
    }
    settings = load("reporting", environ)
    assert (settings.host, settings.user, settings.pool_recycle) == (f"r.{HOST}", "reader", 60)
    assert settings.password is None
    with pytest.raises(SettingsError, match="RDSPOOL_REPORTING_USER is not set"):
        load("reporting", {"RDSPOOL_REPORTING_HOST": HOST})


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (HOST, "eu-central-1"),
        ("mydb.c1abc.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1"),
        ("mydb.c1abc.rds.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("p.proxy-c1abc.ap-southeast-4.rds.amazonaws.com", "ap-southeast-4"),
        ("mydb.c1abc.us-isob-east-1.rds.sc2s.sgov.gov", "us-isob-east-1"),
        ("mydb.c1abc.eusc-de-east-1.rds.amazonaws.eu", "eusc-de-east-1"),
        ("db.example.com", None),
        ("rds", None),
        ("127.0.0.1", None),
    ],
)
def test_region_of_a_host(host, region):
    assert region_of(host) == region


@pytest.mark.parametrize(
    ("host", "proxy"),
    [
        ("app.proxy-c1abc.eu-central-1.rds.amazonaws.com", True),
        ("reader.endpoint.proxy-c1abc.eu-central-1.rds.amazonaws.com", True),
        ("app.proxy-c1abc.rds.cn-north-1.amazonaws.com.cn", True),
        ("app.proxy-c1abc.eusc-de-east-1.rds.amazonaws.eu", True),
        ("proxy-db.c1abc.eu-central-1.rds.amazonaws.com", False),
        ("proxy-db.cluster-c1abc.eu-central-1.rds.amazonaws.com", False),
        ("proxy-db.c1abc.rds.cn-north-1.amazonaws.com.cn", False),
        ("proxy-db.eu-central-1.rds.amazonaws.com", False),
        ("app.proxy-c1abc.example.com", False),
    ],
)
def test_what_makes_a_proxy_of_a_host(host, proxy):
    assert is_proxy(host) is proxy


def test_the_partition_of_each_region_is_botocores():
    session = botocore.session.get_session()
    regions = {region: name for name in session.get_available_partitions() for region in session.get_available_regions("lambda", name)}
    assert {"aws", "aws-cn", "aws-us-gov", "aws-eusc"} <= set(regions.values())
    assert {region: partition_of(region) for region in regions} == regions
    assert partition_of("us-west-9") == partition_of("") == "aws"


def test_a_region_of_a_partition_with_a_longer_name():
    host = "mydb.c1abc.eusc-de-east-1.rds.amazonaws.eu"
    assert load(environ={"RDSPOOL_HOST": host, "AWS_REGION": "eusc-de-east-1"}).region == "eusc-de-east-1"


def test_the_endpoints_own_name_is_that_of_the_token_and_the_region():
    settings = load(environ={"RDSPOOL_HOST": "db.internal", "RDSPOOL_ENDPOINT": f"{HOST.upper()}."})
    assert (settings.host, settings.own_name, settings.own_port, settings.region) == ("db.internal", HOST, 3306, "eu-central-1")
    settings = Settings.load(environ={}, url=f"mysql://app@127.0.0.1:3307/db?endpoint={HOST}:3306")
    assert (settings.host, settings.port, settings.own_name, settings.own_port) == ("127.0.0.1", 3307, HOST, 3306)
    settings = load()
    assert (settings.own_name, settings.own_port) == (HOST, 3306)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (f"{HOST}:", "from 1 to 65,535"),
        (f"{HOST}:0", "from 1 to 65,535"),
        (f"{HOST}:70000", "from 1 to 65,535"),
        (f"{HOST}:33o6", "from 1 to 65,535"),
        (f"mysql://{HOST}", "give the endpoint alone"),
        ("user:pw@host", "RDSPOOL_ENDPOINT"),
        ("two words", "no host name"),
    ],
)
def test_an_endpoint_that_is_no_name(endpoint, words):
    with pytest.raises(SettingsError, match="RDSPOOL_ENDPOINT") as caught:
        load(environ={"RDSPOOL_ENDPOINT": endpoint})
    assert words in str(caught.value)
    assert "pw@host" not in str(caught.value)


OWN = {"RDSPOOL_HOST": "localhost", "RDSPOOL_PASSWORD": "pw", "RDSPOOL_DEVELOPMENT": "true"}


@pytest.fixture
def no_function(monkeypatch):
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_EXECUTION_ENV"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_function")
def test_development_with_a_database_of_ones_own():
    settings = load(environ=OWN)
    assert settings.development
    assert settings.region is None
    assert not load(environ={**OWN, "RDSPOOL_DEVELOPMENT": "false"}).development
    assert not load("reporting", {**OWN, "RDSPOOL_REPORTING_HOST": HOST, "RDSPOOL_REPORTING_USER": "app"}).development


@pytest.mark.usefixtures("no_function")
@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"RDSPOOL_PASSWORD": "", "AWS_REGION": "eu-west-1"}, "set RDSPOOL_PASSWORD"),
        ({"RDSPOOL_PASSWORD": "x?X-Amz-Signature=1"}, "never a token"),
        ({"RDSPOOL_CA": __file__}, "with RDSPOOL_CA"),
        *(
            ({"RDSPOOL_HOST": host}, f"{host!r} is an RDS endpoint")
            for host in (
                HOST,
                "db.c1abc.rds.cn-north-1.amazonaws.com.cn",
                "db.c1abc.us-isob-east-1.rds.sc2s.sgov.gov",
                "db.c1abc.eusc-de-east-1.rds.amazonaws.eu",
                "x.rds.amazonaws.com",
            )
        ),
        ({"RDSPOOL_ENDPOINT": HOST}, "is an RDS endpoint"),
    ],
)
def test_development_is_for_nothing_else(environ, words):
    with pytest.raises(SettingsError, match="RDSPOOL_DEVELOPMENT is for development with a database of your own only") as caught:
        load(environ={**OWN, **environ})
    assert words in str(caught.value)


@pytest.mark.usefixtures("no_function")
@pytest.mark.parametrize("variable", ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_EXECUTION_ENV"])
def test_development_is_not_for_a_function(monkeypatch, variable):
    monkeypatch.setenv(variable, "x")
    with pytest.raises(SettingsError, match=variable):
        load(environ=OWN)


ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/app-AbCdEf"


@pytest.mark.parametrize("key", ["secret", "password_parameter"])
def test_a_password_that_aws_keeps(key):
    settings = load(environ={f"RDSPOOL_{key.upper()}": ARN})
    assert getattr(settings, key) == ARN
    assert settings.stored
    assert not settings.iam
    assert load("reporting", {f"RDSPOOL_{key.upper()}": ARN, "RDSPOOL_REPORTING_HOST": HOST, "RDSPOOL_REPORTING_USER": "r"}).iam


def test_the_user_can_be_that_of_the_secret():
    settings = Settings.load(environ={"RDSPOOL_HOST": HOST, "RDSPOOL_SECRET": "shop"})
    assert (settings.user, settings.completed("app", "shop").user, settings.completed("app", "shop").database) == ("", "app", "shop")
    assert load(environ={"RDSPOOL_SECRET": "shop", "RDSPOOL_DATABASE": "d"}).completed("other", "other").database == "d"
    with pytest.raises(SettingsError, match="RDSPOOL_USER is not set"):
        Settings.load(environ={"RDSPOOL_HOST": HOST, "RDSPOOL_PASSWORD_PARAMETER": "shop"})


@pytest.mark.parametrize(
    "keys", [("SECRET", "PASSWORD"), ("SECRET", "PASSWORD_PARAMETER"), ("PASSWORD_PARAMETER", "PASSWORD")], ids=lambda keys: "+".join(keys)
)
def test_the_password_is_in_one_place(keys):
    with pytest.raises(SettingsError, match="are both set") as caught:
        load(environ={f"RDSPOOL_{key}": f"value-{key}" for key in keys})
    for key in keys:
        assert f"RDSPOOL_{key}" in str(caught.value)
        assert f"value-{key}" not in str(caught.value)


@pytest.mark.parametrize("key", ["SECRET", "PASSWORD_PARAMETER"])
@pytest.mark.parametrize("value", ['{"password": "pw-itself"}', "pw-itself!", "pw-itself ü"])
def test_a_secret_that_stands_in_the_place_of_its_name_is_not_shown(key, value):
    with pytest.raises(SettingsError, match=f"RDSPOOL_{key} is no name") as caught:
        load(environ={f"RDSPOOL_{key}": value})
    assert "pw-itself" not in str(caught.value)


def test_the_region_of_a_secret():
    own = {"RDSPOOL_HOST": "db.internal", "RDSPOOL_CA": __file__}
    with pytest.raises(SettingsError, match=r"the region of 'shop' is not known.*RDSPOOL_REGION"):
        load(environ={**own, "RDSPOOL_SECRET": "shop"})
    assert load(environ={**own, "RDSPOOL_SECRET": "shop", "AWS_REGION": "eu-west-1"}).region == "eu-west-1"
    assert load(environ={**own, "RDSPOOL_SECRET": ARN}).region is None


@pytest.mark.parametrize(
    ("name", "region"), [(ARN, "eu-west-1"), ("shop/app", None), ("arn:aws", None), ("arn:aws:ssm::1:parameter/x", None), ("/a:3", None)]
)
def test_the_region_of_an_arn(name, region):
    assert region_of_arn(name) == region


def test_region_from_the_environment_when_the_host_has_none():
    assert load(environ={"RDSPOOL_HOST": "db.internal", "AWS_REGION": "sa-east-1"}).region == "sa-east-1"
    assert load(environ={"RDSPOOL_HOST": "db.internal", "AWS_DEFAULT_REGION": "sa-east-1"}).region == "sa-east-1"
    with pytest.raises(SettingsError, match=r"RDSPOOL_REGION is not set.*db.internal"):
        load(environ={"RDSPOOL_HOST": "db.internal"})
    assert load(environ={"RDSPOOL_HOST": "db.internal", "RDSPOOL_PASSWORD": "x"}).region is None


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"RDSPOOL_HOST": ""}, ["RDSPOOL_HOST is not set", "endpoint"]),
        ({"RDSPOOL_HOST": f"mysql://{HOST}"}, ["RDSPOOL_HOST", HOST, "RDSPOOL_URL"]),
        ({"RDSPOOL_HOST": f"{HOST}:3306"}, ["RDSPOOL_HOST", "RDSPOOL_PORT"]),
        ({"RDSPOOL_HOST": "two words"}, ["RDSPOOL_HOST", "two words", "no host name"]),
        ({"RDSPOOL_HOST": f" {HOST}"}, ["RDSPOOL_HOST", "blanks"]),
        ({"RDSPOOL_PORT": "33o6"}, ["RDSPOOL_PORT", "33o6", "65,535"]),
        ({"RDSPOOL_PORT": "0"}, ["RDSPOOL_PORT", "'0'"]),
        ({"RDSPOOL_USER": ""}, ["RDSPOOL_USER is not set"]),
        ({"RDSPOOL_REGION": "Frankfurt"}, ["RDSPOOL_REGION", "Frankfurt", "eu-central-1"]),
        ({"RDSPOOL_REGION": "us-east-1"}, ["RDSPOOL_REGION", "us-east-1", "eu-central-1", "leave"]),
        ({"RDSPOOL_CA": "/no/such.pem"}, ["RDSPOOL_CA", "/no/such.pem"]),
        ({"RDSPOOL_POOL_RECYCLE": "soon"}, ["RDSPOOL_POOL_RECYCLE", "soon", "seconds"]),
        ({"RDSPOOL_POOL_RECYCLE": "1.5"}, ["RDSPOOL_POOL_RECYCLE", "whole number"]),
        ({"RDSPOOL_POOL_RECYCLE": "-1"}, ["RDSPOOL_POOL_RECYCLE", "'-1'"]),
        ({"RDSPOOL_POOL_RECYCLE": "300", "RDSPOOL_WAIT_TIMEOUT": "300"}, ["RDSPOOL_POOL_RECYCLE", "RDSPOOL_WAIT_TIMEOUT", "below"]),
        ({"RDSPOOL_CONNECT_TIMEOUT": "0"}, ["RDSPOOL_CONNECT_TIMEOUT", "seconds"]),
        ({"RDSPOOL_DEADLINE_MARGIN_MS": "-1"}, ["RDSPOOL_DEADLINE_MARGIN_MS", "milliseconds"]),
        ({"RDSPOOL_CONNECT_TIMEOUT": "nan"}, ["RDSPOOL_CONNECT_TIMEOUT", "nan"]),
        ({"RDSPOOL_ISOLATION_LEVEL": "CHAOS"}, ["RDSPOOL_ISOLATION_LEVEL", "CHAOS", "SERIALIZABLE"]),
        ({"RDSPOOL_POOLRECYCLE": "60"}, ["RDSPOOL_POOLRECYCLE", "RDSPOOL_POOL_RECYCLE"]),
        ({"RDSPOOL_URL": "postgresql://app@h/db"}, ["RDSPOOL_URL", "mysql+rdspool://"]),
        ({"RDSPOOL_URL": "mysql+rdspool://app@h/db?pool_recyle=60"}, ["pool_recyle", "pool_recycle"]),
    ],
)
def test_wrong_value_is_one_error_with_variable_value_and_fix(environ, words):
    with pytest.raises(SettingsError) as caught:
        load(environ=environ)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x9b", "\u2028", "\udcff"])
@pytest.mark.parametrize("key", ["host", "user", "database", "region", "ca", "isolation_level", "connect"])
def test_a_control_character_is_refused(key, character):
    """A NUL would end the name where the server reads it: app%00tenant2 would sign in as app."""
    with pytest.raises(SettingsError, match=f"{key}.* has a control character") as caught:
        load(**{key: f"app{character}tenant2"})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url", ["mysql://app%00tenant2@h/db", "mysql://app@h/db%00x", "mysql://app@h/db%0ax", "mysql://a\tpp@h/db", "mysql://app@h\n/db"]
)
def test_a_control_character_in_a_url_is_refused(url):
    with pytest.raises(SettingsError, match="has a control character"):
        Settings.load(environ={"AWS_REGION": "eu-west-1"}, url=url)


@pytest.mark.parametrize("option", ["host=other", "user=other", "port=3307", "database=other", "password=x", "url=x"])
@pytest.mark.parametrize("before", ["mysql://app@h:3306/db", "mysql://app@h"])
def test_a_urls_options_do_not_name_another_database(before, option):
    with pytest.raises(SettingsError, match=rf"RDSPOOL_URL has '{option.partition('=')[0]}' among its options"):
        Settings.load(environ={"AWS_REGION": "eu-west-1", "RDSPOOL_URL": f"{before}?{option}"})


def test_an_option_given_twice_is_refused():
    with pytest.raises(SettingsError, match="'region' more than once"):
        Settings.load(environ={}, url="mysql://app@h/db?region=eu-west-1&region=eu-west-2")


def test_a_variable_with_a_similar_name_is_pointed_out():
    with pytest.raises(SettingsError, match=r"RDSPOOL_HOSTS is no setting.*RDSPOOL_HOST"):
        Settings.load(environ={"RDSPOOL_HOSTS": HOST, "RDSPOOL_USER": "app"})
    with pytest.raises(SettingsError, match=r"no argument 'hots'.*'?host"):
        load(hots="x")


def test_a_variable_of_the_process_is_no_setting_and_has_few_values():
    for value in ("c", "python", ""):
        load(environ={"RDSPOOL_ROWS": value})
    with pytest.raises(SettingsError, match=r"RDSPOOL_ROWS is 'pyton': choose from c, python"):
        load(environ={"RDSPOOL_ROWS": "pyton"})


def test_no_text_of_settings_shows_the_password():
    settings = load(password="s3cret-pw")
    assert "s3cret-pw" not in repr(settings)
    assert "s3cret-pw" not in str(settings)
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ={}, url="mysql+rdspool://app:s3cret-pw@h/db?nonsense=1")
    assert "s3cret-pw" not in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ={}, user="u", host="mysql://app:s3cret-pw@h/db")
    assert "s3cret-pw" not in str(caught.value)


@pytest.mark.parametrize("wait", [2, 3, 10, 61, 300, 28800])
def test_recycle_stays_below_wait_timeout_by_construction(wait):
    settings = load(environ={"RDSPOOL_WAIT_TIMEOUT": str(wait)})
    assert 1 <= settings.pool_recycle < settings.wait_timeout == wait


@pytest.mark.parametrize("recycle", [1, 2, 60, 31_535_999])
def test_wait_timeout_follows_recycle(recycle):
    assert load(environ={"RDSPOOL_POOL_RECYCLE": str(recycle)}).wait_timeout > recycle


def test_an_engines_name_with_a_hyphen_is_refused():
    with pytest.raises(SettingsError, match="'my-db'"):
        load("my-db")


def test_ipv6_host_and_trailing_dot():
    assert load(environ={"RDSPOOL_HOST": "2001:db8::1", "AWS_REGION": "eu-west-1"}).host == "2001:db8::1"
    assert load(environ={"RDSPOOL_HOST": f"{HOST.upper()}."}).host == HOST


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "mysql://user:S3cr/et@host/db"},
        {"url": "mysql+rdspool://user:S3cr#et@host/db"},
        {"url": "mysql+rdspool://user:S3cr?et@host/db"},
        {"url": "postgres://user:S3c@ret@host/db"},
        {"url": "user:S3cret@host/db"},
        {"url": "mysql://user@host/db?password=S3cret"},
        {"url": "jdbc:mysql://host/db?user=a&password=S3cret"},
        {"url": "mysql+rdspool://user:S3cret@host:99999/db"},
        {"host": "admin:S3cret@db"},
        {"host": "mysql://admin:S3c@ret@db/x?password=S3cret"},
        {"name": "mysql+rdspool://user:S3cret@host/db"},
    ],
    ids=lambda arguments: next(iter(arguments.values())),
)
def test_no_mistake_with_a_url_shows_the_password(arguments):
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ={}, **{"user": "u", **arguments})
    said = "".join(traceback.format_exception(caught.value))
    message = said.rpartition("SettingsError: ")[2]
    for part in ("S3c", "ret@", "et@"):
        assert part not in message


@pytest.mark.parametrize("port", ["nan", "inf", "-inf", "1e400", "3306.5"])
def test_a_port_that_is_no_whole_number_is_refused(port):
    with pytest.raises(SettingsError, match=r"RDSPOOL_PORT is .*whole number from 1 to 65,535"):
        load(environ={"RDSPOOL_PORT": port})


def test_other_libraries_names_of_settings_are_pointed_out():
    with pytest.raises(SettingsError, match="did you mean RDSPOOL_DATABASE"):
        load(environ={"RDSPOOL_DB": "shop"})
    with pytest.raises(SettingsError, match="did you mean user"):
        load(username="app")
    with pytest.raises(SettingsError, match="'pool_pre_ping'.*always checked"):
        load(pool_pre_ping=True)


def test_an_empty_argument_is_refused_and_an_empty_variable_is_none():
    with pytest.raises(SettingsError, match="host.* is empty"):
        load(host="")
    with pytest.raises(SettingsError, match="password.* is empty.*IAM"):
        load(password="")
    assert load(environ={"RDSPOOL_PASSWORD": ""}).iam


def test_a_password_that_is_not_text_is_refused_without_showing_it():
    with pytest.raises(SettingsError, match="RDSPOOL_PASSWORD") as caught:
        load(environ={"RDSPOOL_PASSWORD": "S3cret\udcff"})
    assert "S3cret" not in repr(caught.value)


def test_settings_can_be_copied():
    settings = load(password="pw")
    assert copy.deepcopy(settings) == settings
    assert pickle.loads(pickle.dumps(load())) == load()  # noqa: S301
    with pytest.raises(TypeError, match="Secret"):
        pickle.dumps(settings)


# -- the driver that is gone, and settings of the driver -----------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["RDSPOOL_DRIVER", "RDSPOOL_REPORTING_DRIVER"])
def test_the_c_driver_is_gone_and_the_error_says_so(variable):
    with pytest.raises(SettingsError, match=rf"{variable} is 'c': rdspool has one driver, in Python: .*remove it"):
        load(environ={variable: "c"})


def test_the_c_driver_as_an_argument_or_in_a_url():
    with pytest.raises(SettingsError, match=r"get_engine\(driver=\.\.\.\) is 'c'"):
        load(driver="c")
    with pytest.raises(SettingsError, match=r"driver in get_engine\(url=\.\.\.\) is 'c'"):
        load(url="mysql+rdspool://app@db.c1abc.eu-central-1.rds.amazonaws.com/app?driver=c")


def test_the_option_for_the_only_driver_is_no_error():
    assert load(environ={"RDSPOOL_DRIVER": "pure"}) == load(driver="pure") == load()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("Yes", True), ("off", False), ("0", False), (None, False)])
def test_multi_statements_are_off_unless_asked_for(text, value):
    environ = {} if text is None else {"RDSPOOL_MULTI_STATEMENTS": text}
    assert load(environ=environ).multi_statements is value


def test_multi_statements_is_yes_or_no():
    with pytest.raises(SettingsError, match="RDSPOOL_MULTI_STATEMENTS is 'maybe': set it to true or false"):
        load(environ={"RDSPOOL_MULTI_STATEMENTS": "maybe"})
    with pytest.raises(SettingsError, match="true or false"):
        load(multi_statements=2)


def test_the_largest_row_can_be_set():
    assert load().max_allowed_packet == 128 * 1024 * 1024
    assert load(environ={"RDSPOOL_MAX_ALLOWED_PACKET": "4096"}).max_allowed_packet == 4096
    with pytest.raises(SettingsError, match=r"RDSPOOL_MAX_ALLOWED_PACKET is '1': .*from 1,024 to 1,073,741,824"):
        load(environ={"RDSPOOL_MAX_ALLOWED_PACKET": "1"})
