"""Which URLs lead to where we call: every disguise of a private address that we know of."""

import ipaddress

import pytest

from payments.notice_settings import read_private_networks
from payments.outgoing.errors import CallRefusedError
from payments.outgoing.targets import read_target
from payments.variables import SettingsError, Variables

PRIVATE_HOSTS = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - nobody listens, it is refused
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.127.255.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:db8::1]",
    "[100::1]",
    "[5f00::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[2606:4700::1111%25eth0]",
    "[fec0::1]",
    "[ff02::1]",
]
ODD_HOSTS = [
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "0",
    "00000127.0.0.1",
    "1.2.3.4.5",
    "256.256.256.256",
    "127.0.0.1.",
    "shop.test.",
    "shop..test",
    "-shop.test",
    "shop.test-",
    "sh%6fp.test",
    "shop.1",
    "[::1",
    "[v1.x]",
    "[shop.test]",
    "",
    "a" * 64 + ".test",
    ".".join(["a" * 60] * 5),
]
MALFORMED = [
    "shop.test",
    "//shop.test/",
    "https:shop.test",
    "https:///path",
    "ftp://shop.test/",
    "file:///etc/passwd",
    "gopher://shop.test/",
    "unix:///run/x.sock",
    "javascript:alert(1)",
    "https://user@shop.test/",
    "https://user:password@shop.test/",
    "https://shop.test@127.0.0.1/",
    "https://shop.test#@127.0.0.1/",
    "https://shop.test/#part",
    "https://shop.test#",
    "https://shop.test\\@127.0.0.1/",
    "https://shop.test /",
    "https://shop.test/\r\nX: y",
    "https://shop.test/\tx",
    "https://\uff53hop.test/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://bücher.test/",
    "https://shop.test:99999/",
    "https://shop.test:-1/",
    "https://shop.test:x/",
    "https://shop.test/" + "a" * 500,
]


def refused(url: str, *networks: str) -> str:
    private = tuple(map(ipaddress.ip_network, networks))
    with pytest.raises(CallRefusedError) as told:
        read_target(url, private_networks=private)
    assert told.value.detail
    return told.value.reason


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_a_private_address_is_refused_in_every_form(host: str) -> None:
    assert refused(f"https://{host}/") in {"address_not_allowed", "host_malformed"}
    assert refused(f"http://{host}/") in {"address_not_allowed", "host_malformed"}


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_what_might_be_an_address_and_might_be_a_name_is_neither(host: str) -> None:
    assert refused(f"https://{host}/") in {"host_malformed", "url_malformed"}


@pytest.mark.parametrize("url", MALFORMED)
def test_what_two_programs_could_read_differently_is_refused(url: str) -> None:
    assert refused(url) in {"url_malformed", "host_malformed", "scheme_not_allowed"}
    assert refused(url, "127.0.0.0/8") in {
        "url_malformed",
        "host_malformed",
        "scheme_not_allowed",
    }


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://Hooks.Shop.test/a?b=c", ("hooks.shop.test", 443, "/a?b=c")),
        ("https://hooks.shop.test", ("hooks.shop.test", 443, "/")),
        ("https://xn--bcher-kva.test:8443/", ("xn--bcher-kva.test", 8443, "/")),
        ("https://93.184.216.34/", ("93.184.216.34", 443, "/")),
        ("https://[2606:4700::1111]/", ("2606:4700::1111", 443, "/")),
        (
            "https://[64:ff9b::5db8:d822]/",
            ("64:ff9b::5db8:d822", 443, "/"),
        ),  # NAT64, of a public one
    ],
)
def test_a_public_one_is_called(url: str, where: tuple[str, int, str]) -> None:
    target = read_target(url, private_networks=())
    assert (target.host, target.port, target.path) == where


def test_public_ones_over_tls_and_on_the_usual_ports_only() -> None:
    assert refused("http://93.184.216.34/") == "scheme_not_allowed"
    assert refused("http://hooks.shop.test/") == "scheme_not_allowed"
    assert refused("https://93.184.216.34:22/") == "port_not_allowed"
    assert refused("https://93.184.216.34:6379/") == "port_not_allowed"


def test_a_private_network_that_an_operator_names_is_called_and_no_other() -> None:
    named = tuple(map(ipaddress.ip_network, ("10.1.0.0/16", "fd00:1::/64")))
    for host in ("10.1.2.3", "[fd00:1::5]", "[::ffff:10.1.2.3]"):
        assert read_target(f"http://{host}:8080/", private_networks=named).port == 8080
    for host in ("10.2.0.1", "127.0.0.1", "[fd00:2::1]", "169.254.169.254", "[::1]"):
        assert refused(f"https://{host}/", "10.1.0.0/16", "fd00:1::/64") == "address_not_allowed"


@pytest.mark.parametrize("host", ["169.254.169.254", "100.100.100.200", "[fd00:ec2::254]"])
def test_a_clouds_metadata_are_not_called_whatever_is_named(host: str) -> None:
    everything = ("0.0.0.0/0", "::/0")
    assert refused(f"http://{host}/latest/meta-data", *everything) == "address_not_allowed"


def read(text: str) -> tuple[object, ...]:
    reader = Variables({"NOTICE_PRIVATE_NETWORKS": text})
    networks = read_private_networks(reader, "NOTICE_PRIVATE_NETWORKS")
    reader.raise_faults()
    return networks


def test_the_setting_names_private_networks_only() -> None:
    assert read("") == ()
    assert read("10.1.0.0/16, fd00:1::/64,127.0.0.1") == tuple(
        map(ipaddress.ip_network, ("10.1.0.0/16", "fd00:1::/64", "127.0.0.1/32"))
    )
    for wrong in ("0.0.0.0/0", "::/0", "169.254.0.0/16", "8.8.8.8", "10.1.0.1/16", "shop", "10/8"):
        with pytest.raises(SettingsError, match="NOTICE_PRIVATE_NETWORKS lists"):
            read(wrong)
