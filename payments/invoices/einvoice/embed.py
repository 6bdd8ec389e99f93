"""Puts the e-invoice into the PDF as Factur-X does: a person and a program read one file.

What is added says that the file is Factur-X; it does not say PDF/A-3, because no renderer here
promises that. No time of day is written: the same PDF and XML give the same bytes.
"""

import io

from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

NAME = "factur-x.xml"  # Factur-X 1.0, 6.2.2
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about=""
        xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">
      <fx:DocumentType>INVOICE</fx:DocumentType>
      <fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>
      <fx:Version>1.0</fx:Version>
      <fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
    </rdf:Description>
  </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


class NotEmbeddableError(Exception):
    """The PDF cannot take an attachment."""


def embed_einvoice(pdf: bytes, xml: bytes) -> bytes:
    """Return the PDF with the XML in it.

    Raises:
        NotEmbeddableError: pypdf cannot read the PDF.
    """
    try:
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
        _attach(writer, xml)
        found = io.BytesIO()
        writer.write(found)
    except (PyPdfError, KeyError, TypeError, ValueError) as error:
        raise NotEmbeddableError("the PDF takes no attachment") from error
    return found.getvalue()


def _attach(writer: PdfWriter, xml: bytes) -> None:
    """ISO 32000-2, 7.11.4 and 14.13: the stream, its file specification, and what names it."""
    content = _stream({"Type": "EmbeddedFile", "Subtype": "text/xml"}, xml)
    content[NameObject("/Params")] = DictionaryObject({NameObject("/Size"): NumberObject(len(xml))})
    stream = writer._add_object(content)  # noqa: SLF001 - pypdf has no public way to say AFRelationship
    specification = writer._add_object(  # noqa: SLF001 - as above
        DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Filespec"),
                NameObject("/AFRelationship"): NameObject("/Alternative"),
                NameObject("/Desc"): TextStringObject("The invoice as Factur-X"),
                NameObject("/F"): TextStringObject(NAME),
                NameObject("/UF"): TextStringObject(NAME),
                NameObject("/EF"): DictionaryObject(
                    {NameObject("/F"): stream, NameObject("/UF"): stream}
                ),
            }
        )
    )
    names = ArrayObject([TextStringObject(NAME), specification])
    root = writer.root_object
    trees = root.setdefault(NameObject("/Names"), DictionaryObject()).get_object()
    trees[NameObject("/EmbeddedFiles")] = DictionaryObject({NameObject("/Names"): names})
    root[NameObject("/AF")] = ArrayObject([specification])
    metadata = _stream({"Type": "Metadata", "Subtype": "XML"}, _XMP.encode())
    root[NameObject("/Metadata")] = writer._add_object(metadata)  # noqa: SLF001 - as above


def _stream(names: dict[str, str], content: bytes) -> DecodedStreamObject:
    stream = DecodedStreamObject()
    stream.set_data(content)
    for key, value in names.items():
        stream[NameObject(f"/{key}")] = NameObject(f"/{value}")
    return stream
