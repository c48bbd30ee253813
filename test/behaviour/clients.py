"""What the Python clients `requests` and `dicomweb-client` get from a running service, as one JSON object.

Arguments: the address of the service, a PNG file, a DICOM file.
"""

import gzip
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.web import _load_xml_dataset
from requests.exceptions import HTTPError

url, png, dcm = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
readings = f"{url}/v1/readings?findings=Mass"
said: dict[str, object] = {}


def reading(name: str, **sent: object) -> None:
    """Ask for a reading, and note the status and the reading's id, or the problem's code."""
    answer = requests.post(readings, timeout=60, **sent)
    body = answer.json()
    said[name] = [answer.status_code, body.get("id", body.get("code"))]


with png.open("rb") as image, dcm.open("rb") as instance:
    reading("png file", files={"image": image})
    reading("dicom file", files={"image": instance})
reading("bytes", files={"image": png.read_bytes()})
reading("named bytes", files={"image": ("Röntgen \"1\"; 胸.png", png.read_bytes())})
reading("named and typed", files={"image": ("a.jpg", png.read_bytes(), "image/png")})
reading("no file name", files={"image": (None, dcm.read_bytes())})
reading("raw bytes", data=png.read_bytes())
with dcm.open("rb") as instance:
    reading("raw file", data=instance)
reading("chunks", data=iter([dcm.read_bytes()[:1000], dcm.read_bytes()[1000:]]))
reading("gzip", data=gzip.compress(dcm.read_bytes()), headers={"Content-Encoding": "gzip"})
reading("path", data={"image": str(png)})

client = DICOMwebClient(url=f"{url}/dicom-web")
dataset = pydicom.dcmread(dcm)
stored = client.store_instances([dataset])
said["stored"] = [item.ReferencedSOPInstanceUID for item in stored.ReferencedSOPSequence]
stored = client.store_instances([dataset], study_instance_uid=dataset.StudyInstanceUID)
said["stored in study"] = [item.ReferencedSOPInstanceUID for item in stored.ReferencedSOPSequence]
for name, ask in {
    "search": client.search_for_studies,
    "retrieve": lambda: client.retrieve_study_metadata(dataset.StudyInstanceUID),
}.items():
    try:
        ask()
        said[name] = "answered"
    except HTTPError as error:
        said[name] = error.response.status_code

# Its reader of the Native DICOM Model, of an answer with all sequences.
lateral, broken = pydicom.dcmread(dcm), pydicom.dcmread(dcm)
lateral.ViewPosition = "LL"
broken.StudyInstanceUID = ""
parts = []
for part in (dataset, lateral, broken):
    part.save_as(path := dcm.with_suffix(".part"))
    parts.append(path.read_bytes())
boundary = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
body = b"".join(boundary + part + b"\r\n" for part in [*parts, b"no DICOM file"]) + b"--b--"
answers = [
    requests.post(
        f"{url}/dicom-web/studies",
        data=body,
        headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=b', "Accept": accept},
        timeout=60,
    )
    for accept in ("application/dicom+xml", "application/dicom+json")
]
root = ElementTree.fromstring(answers[0].text)
said["xml root"] = root.tag
for element in root.iter():
    # The reader looks for names without a namespace.
    element.tag = element.tag.split("}")[-1]
for element in root.iter("DicomAttribute"):
    tag = int(element.attrib["tag"], 16)
    assert pydicom.datadict.keyword_for_tag(tag) == element.attrib["keyword"]
    assert pydicom.datadict.dictionary_VR(tag) == element.attrib["vr"]
said["xml"] = _load_xml_dataset(root).to_json_dict()
said["json"] = pydicom.Dataset.from_json(answers[1].text).to_json_dict()
print(json.dumps(said))
