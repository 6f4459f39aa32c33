"""The limits of each setting: the first value that is taken, the last, and what lies beyond; and the defaults, as docs/settings.md has them."""

from __future__ import annotations

import pytest
from rdspool import Settings, SettingsError
from rdspool._settings.shown import has_control_character, shown
from rdspool._settings.suggestions import suggestion
from rdspool.secret import Secret

BASE = {"RDSPOOL_HOST": "db.example.com", "RDSPOOL_USER": "app", "AWS_REGION": "eu-central-1"}


def load(environ=None, **arguments):
    return Settings.load(environ={**BASE, **(environ or {})}, **arguments)


@pytest.mark.parametrize(
    ("key", "low", "high", "below", "above"),
    [
        ("port", 1, 65535, 0, 65536),
        ("pool_recycle", 1, 31_535_999, 0, 31_536_000),
        ("wait_timeout", 2, 31_536_000, 1, 31_536_001),
        ("connect_timeout", 0.1, 900, 0.09, 900.5),
        ("deadline_margin_ms", 0, 60_000, -1, 60_001),
        ("max_allowed_packet", 1024, 1_073_741_824, 1023, 1_073_741_825),
    ],
)
def test_the_first_and_the_last_number_that_is_taken(key, low, high, below, above):
    for value in (low, high):
        assert getattr(load(**{key: value}), key) == value
        assert getattr(load({f"RDSPOOL_{key.upper()}": str(value)}), key) == value
    for value in (below, above):
        with pytest.raises(SettingsError, match=rf"{key}=...\) is {value}: set it to a .*number"):
            load(**{key: value})


@pytest.mark.parametrize("key", ["port", "pool_recycle", "wait_timeout", "connect_timeout", "deadline_margin_ms", "max_allowed_packet"])
@pytest.mark.parametrize("value", [True, [5], object()])
def test_what_is_no_number(key, value):
    with pytest.raises(SettingsError, match=f"{key}.* set it to a (whole )?number"):
        load(**{key: value})


def test_a_wait_may_be_a_fraction_and_nothing_else():
    assert load(connect_timeout=0.5).connect_timeout == 0.5
    for key in ("port", "pool_recycle", "wait_timeout", "deadline_margin_ms", "max_allowed_packet"):
        with pytest.raises(SettingsError, match="whole number"):
            load(**{key: 2000.5})


def test_the_defaults():
    found = load()
    values = (found.port, found.pool_recycle, found.wait_timeout, found.connect_timeout, found.deadline_margin_ms, found.max_allowed_packet)
    assert values == (3306, 300, 330, None, 500, 134_217_728)
    assert (found.deadline_margin, found.reset_session) == (0.5, True)
    assert load(reset_session="off").reset_session is False
    assert (found.database, found.password, found.ca, found.isolation_level) == (None, None, None, None)
    assert (found.connect, found.multi_statements, found.iam) == ("use", False, True)
    assert not load(password="x").iam


@pytest.mark.parametrize(
    ("wait", "recycle"), [(2, 1), (3, 2), (10, 5), (60, 30), (61, 31), (100, 70), (330, 300), (331, 300), (329, 299), (31_536_000, 300)]
)
def test_recycle_where_only_wait_is_set(wait, recycle):
    assert load(wait_timeout=wait).pool_recycle == recycle


@pytest.mark.parametrize(("recycle", "wait"), [(1, 31), (300, 330), (31_535_970, 31_536_000), (31_535_999, 31_536_000)])
def test_wait_where_only_recycle_is_set(recycle, wait):
    assert load(pool_recycle=recycle).wait_timeout == wait


def test_recycle_is_below_wait_where_both_are_set():
    found = load(pool_recycle=59, wait_timeout=60)
    assert (found.pool_recycle, found.wait_timeout) == (59, 60)
    for recycle in (60, 61):
        with pytest.raises(SettingsError, match=f"pool_recycle=...\\) is {recycle} and get_engine\\(wait_timeout=...\\) is 60"):
            load(pool_recycle=recycle, wait_timeout=60)


def test_the_longest_name_of_a_user():
    assert load(user="u" * 80).user == "u" * 80
    with pytest.raises(SettingsError, match="has 81 characters"):
        load(user="u" * 81)


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ("read uncommitted", "READ UNCOMMITTED"),
        ("READ-COMMITTED", "READ COMMITTED"),
        ("repeatable_read", "REPEATABLE READ"),
        ("serializable", "SERIALIZABLE"),
        ("autocommit", "AUTOCOMMIT"),
    ],
)
def test_each_isolation_level(given, level):
    assert load(isolation_level=given).isolation_level == level


@pytest.mark.parametrize(("given", "value"), [("USE", "use"), ("Init", "init")])
def test_when_to_connect(given, value):
    assert load(connect=given).connect == value
    with pytest.raises(SettingsError, match=r"connect=\.\.\.\) is 'later': set it to one of use, init"):
        load(connect="later")


@pytest.mark.parametrize(("given", "kind"), [(5, "int"), (b"x", "bytes"), (["x"], "list")])
@pytest.mark.parametrize("key", ["host", "user", "database", "region", "ca", "isolation_level", "connect", "password"])
def test_what_is_no_text(key, given, kind):
    with pytest.raises(SettingsError, match=rf"{key}.* must be a text, not {kind}$"):
        load(**{key: given})


@pytest.mark.parametrize("key", ["user", "database", "region", "ca"])
def test_a_url_in_the_place_of_something_else(key):
    with pytest.raises(SettingsError, match=rf"{key}=...\) holds a URL: give the {key} alone"):
        load(**{key: "mysql://x"})


def test_a_password_is_taken_as_it_is():
    for password in (" blanks ", "a://b", "a:b@c/d?e#f", "\t", "ü"):
        assert load(password=password).password == Secret(password)
    assert load(password=Secret("x")).password == Secret("x")
    with pytest.raises(SettingsError, match="NUL"):
        load(password="a\0b")


# -- hosts and regions -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["app@db.example.com", "db.example.com/shop", "db.example.com?x=1"])
def test_more_than_a_hosts_name(host):
    """Beside a name of RDS nothing else is shown: a password can stand there."""
    with pytest.raises(SettingsError, match=r"has more in it than a host's name: give that alone, or the whole URL as RDSPOOL_URL"):
        load(host=host)


@pytest.mark.parametrize("around", ["mysql://app:word@{}:3306/x", "app@{}", "{}/shop", "{}?x=word"])
def test_a_name_of_rds_with_more_around_it_is_shown(around):
    name = "db.c1abc.eu-central-1.rds.amazonaws.com"
    with pytest.raises(SettingsError, match="has more in it") as caught:
        load(host=around.format(name))
    assert "word" not in str(caught.value)
    assert (f"(...'{name}'...)" in str(caught.value)) == (":3306" not in around)


@pytest.mark.parametrize("host", ["2001:db8::1", "::1", "::ffff:10.0.0.1", "a", "_srv.example.com", "10.0.0.1", "a-b.c"])
def test_hosts(host):
    assert load(host=host).host == host


@pytest.mark.parametrize("host", ["-a", "a-", "a..b$", "[::1]", "größe.example", "a_b c", "."])
def test_no_hosts(host):
    with pytest.raises(SettingsError, match="no host name"):
        load(host=host)


def test_an_address_of_ipv6_in_a_url_stands_in_brackets():
    found = load(url="mysql+rdspool://other@[2001:db8::1]:3307/shop", host=None, user=None)
    assert (found.host, found.port, found.user, found.database) == ("2001:db8::1", 3307, "other", "shop")


def test_a_port_beside_the_hosts_name():
    with pytest.raises(SettingsError, match=r"has a colon in it: give the host name alone, and the port as RDSPOOL_PORT"):
        load(host="db.example.com:3306")


def test_the_hosts_region_goes_before_the_functions():
    found = load(host="db.c1abc.eu-west-3.rds.amazonaws.com")
    assert found.region == "eu-west-3"
    with pytest.raises(SettingsError, match="is 'eu-west-1', but the host .* is in eu-west-3"):
        load(host="db.c1abc.eu-west-3.rds.amazonaws.com", region="eu-west-1")


@pytest.mark.parametrize("region", ["eu-central", "e-central-1", "EU-CENTRAL-1", "eu-central-1a", "euusx-x-1"])
def test_what_is_no_region(region):
    with pytest.raises(SettingsError, match="that is no AWS region"):
        load(region=region)


# -- URLs ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "mysql://",
        "mysql:///shop",
        "mysql://app@/shop",
        "mysql://app:pa/ss@h/shop",
        "mysql://app@h/sh@op",
        "mysql://app@h/shop?region=a@b",
        "mysql://app@h/shop#a@b",
        "mysql://app@h:port/shop",
        "mysql://app@h:70000/shop",
        "mysql://[::1/shop",
    ],
)
def test_a_url_that_cant_be_taken_apart(url):
    with pytest.raises(SettingsError, match=r"RDSPOOL_URL can't be taken apart \(mysql://\.\.\.\)"):
        Settings.load(environ={"RDSPOOL_URL": url, "AWS_REGION": "eu-central-1"})


def test_the_parts_of_a_url():
    found = Settings.load(environ={"RDSPOOL_URL": "mysql://a%40b:p%2Fw@H.Example.com/my%20shop?region=eu-west-1&pool_recycle=60"})
    assert (found.user, found.host, found.database, found.port) == ("a@b", "h.example.com", "my shop", 3306)
    assert (found.password, found.region, found.pool_recycle) == (Secret("p/w"), "eu-west-1", 60)


def test_a_url_without_its_parts_leaves_them_to_the_variables():
    found = load({"RDSPOOL_URL": "mysql://h", "RDSPOOL_DATABASE": "shop", "RDSPOOL_PORT": "3310", "RDSPOOL_PASSWORD": "x"})
    assert (found.host, found.user, found.database, found.port, found.password) == ("h", "app", "shop", 3310, Secret("x"))


def test_an_option_without_a_value_is_told():
    with pytest.raises(SettingsError, match="region in the URL is empty"):
        load(url="mysql://app@h/db?region=")


def test_a_url_that_is_no_text():
    with pytest.raises(SettingsError, match=r"get_engine\(url=\.\.\.\) must be a text"):
        load(url=5)


@pytest.mark.parametrize(
    ("url", "shown_scheme"), [("sqlite://x", "(sqlite...://...)"), ("postgresql+psycopg://x", "(postgresql...://...)"), ("word://x", "")]
)
def test_a_url_of_something_else(url, shown_scheme):
    with pytest.raises(SettingsError, match="is not a URL of MySQL") as caught:
        load(url=url)
    assert str(caught.value).startswith(
        f"get_engine(url=...) is not a URL of MySQL{' ' if shown_scheme else ''}{shown_scheme}: write mysql+rdspool://"
    )


@pytest.mark.parametrize(("option", "named"), [("pool_size=1", True), ("Word7=1", False), ("wo-rd=1", False)])
def test_an_option_of_a_url_that_is_not_known_is_named_where_it_can_be_a_name(option, named):
    with pytest.raises(SettingsError, match="has an unknown option") as caught:
        load(url=f"mysql://app@h/db?{option}")
    assert (option.partition("=")[0] in str(caught.value)) is named


# -- the settings, and what an error shows -------------------------------------------------------------------------------------------------


def test_settings_are_made_by_name_and_never_change():
    with pytest.raises(TypeError):
        Settings("h", "u")
    found = load()
    with pytest.raises(AttributeError, match="can't be changed"):
        found.port = 1
    with pytest.raises(AttributeError, match="can't be changed"):
        del found.host
    with pytest.raises(TypeError, match="needs host"):
        Settings(user="u")
    with pytest.raises(TypeError, match="has no field hots"):
        Settings(host="h", user="u", hots="h")
    assert found == load()
    assert hash(found) == hash(load())
    assert found != load(port=3307)
    assert found != "settings"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 80, repr("x" * 80)),
        ("x" * 81, "a text of 81 characters (not shown: a password may be in it)"),
        ("a:b", "a text of 3 characters (not shown: a password may be in it)"),
        ("a%b", "a text of 3 characters (not shown: a password may be in it)"),
        (5, "5"),
    ],
)
def test_what_an_error_shows_of_a_value(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("character", "found"), [(" ", False), ("\x1f", True), ("~", False), ("\x7f", True), ("\x9f", True), ("\xa0", False)]
)
def test_which_characters_control(character, found):
    assert has_control_character(f"a{character}b") is found


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("passwd", " (did you mean password?)"),
        ("timeout", " (did you mean connect_timeout?)"),
        ("RDSPOOL_TIMEOUT", " (did you mean RDSPOOL_CONNECT_TIMEOUT?)"),
        ("hosst", " (did you mean host?)"),
        ("hxxx", ""),
    ],
)
def test_what_was_probably_meant(wrong, text):
    assert suggestion(wrong, ["host", "user"]) == text


def test_a_variable_that_is_missing_names_the_one_that_was_probably_meant():
    with pytest.raises(SettingsError, match=r"RDSPOOL_USER is not set.*\(RDSPOOL_A_USER is set: was it meant\?\)"):
        Settings.load(environ={"RDSPOOL_HOST": "h.example.com", "RDSPOOL_A_USER": "x", "AWS_REGION": "eu-west-1"})


@pytest.mark.parametrize("several", ["creator", "poolclass", "connect_args"])
def test_what_get_engine_decides_itself(several):
    with pytest.raises(SettingsError, match=f"get_engine\\(\\) takes no '{several}': "):
        load(**{several: 1})


def test_the_first_of_several_unknown_arguments_is_named():
    with pytest.raises(SettingsError, match="no argument 'aaaa'"):
        load(zzzz=1, aaaa=1)


def test_a_named_engine_without_its_own_variable_takes_the_common_one_but_for_identity():
    environ = {
        "RDSPOOL_A_HOST": "a.example.com",
        "RDSPOOL_A_USER": "x",
        "RDSPOOL_PORT": "4000",
        "RDSPOOL_DATABASE": "shop",
        "RDSPOOL_CONNECT_TIMEOUT": "9",
        "RDSPOOL_A_POOL_RECYCLE": "20",
        "RDSPOOL_POOL_RECYCLE": "40",
        "AWS_REGION": "eu-west-1",
    }
    found = Settings.load("a", environ=environ)
    assert (found.host, found.port, found.database, found.connect_timeout, found.pool_recycle) == ("a.example.com", 3306, None, 9.0, 20)
    environ["RDSPOOL_CONNECT_TIMEOUT"] = "never"
    with pytest.raises(SettingsError, match="^RDSPOOL_CONNECT_TIMEOUT is 'never'"):
        Settings.load("a", environ=environ)
    del environ["RDSPOOL_CONNECT_TIMEOUT"]
    with pytest.raises(SettingsError, match="^RDSPOOL_A_CONNECT_TIMEOUT is 'never'"):
        Settings.load("a", environ={**environ, "RDSPOOL_A_CONNECT_TIMEOUT": "never"})


def test_the_driver_in_a_url_hides_no_other_option():
    found = load(url="mysql://app@h/db?driver=pure&pool_recycle=60&wait_timeout=90")
    assert (found.pool_recycle, found.wait_timeout) == (60, 90)


def test_of_several_arguments_the_first_is_told_whichever_kind_it_is_of():
    with pytest.raises(SettingsError, match=r"get_engine\(\) takes no 'creator'"):
        load(zzz=1, creator=1)
