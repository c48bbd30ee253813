"""Hooks of Schemathesis. `schemathesis.long.test.ts` runs it, and writes the films and the values into the folder PLACE."""

import json
import os
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

PLACE = Path(os.environ["PLACE"])
FILMS = [path.read_bytes() for path in sorted((PLACE / "films").iterdir())]
VALUES = json.loads((PLACE / "values.json").read_text())
# The codes of problems that a request can have although it is valid by the document.
BEYOND_THE_SCHEMA = os.environ["BEYOND_THE_SCHEMA"].split(",")

# The document says of a film only that it is bytes. Bodies are real films, beginnings of films, and random bytes.
films = st.sampled_from(FILMS)
beginnings = films.flatmap(lambda film: st.integers(1, len(film) - 1).map(lambda end: film[:end]))
film_bodies = st.one_of(films, films, beginnings, st.binary(min_size=1, max_size=256))
schemathesis.openapi.format("binary", film_bodies)
for media_type in ("image/png", "image/jpeg", "application/dicom", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, film_bodies)

# STOW-RS (PS3.18 8.7.1): one part per instance. Schemathesis leaves Content-Type of multipart bodies to their encoder.
BOUNDARY = "instances"


@schemathesis.serializer("multipart/related")
def related(_context, value):
    instance = bytes(value) if isinstance(value, (bytes, bytearray)) else str(value).encode("utf8", "replace")
    head = f"--{BOUNDARY}\r\ncontent-type: application/dicom\r\n\r\n".encode()
    return head + instance + f"\r\n--{BOUNDARY}--\r\n".encode()


@schemathesis.hook
def before_call(_context, case, _kwargs):
    if case.media_type == "multipart/related":
        case.headers["Content-Type"] = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@schemathesis.hook
def before_load_schema(_context, document):
    """Generate values that exist. The document has to fit each family and each store, so it describes them as texts."""
    shared = document["components"].get("parameters", {})
    for methods in document["paths"].values():
        for operation in methods.values():
            # Operations share parameters, and their values may differ.
            resolved = [shared[each["$ref"].split("/")[-1]] if "$ref" in each else each for each in operation.get("parameters", [])]
            operation["parameters"] = [dict(parameter) for parameter in resolved]
            for parameter in operation["parameters"]:
                name = parameter["name"]
                schema = VALUES.get(f"{operation['operationId']}.{name}") or VALUES.get(name)
                if schema is not None:
                    parameter["schema"] = schema
                    parameter.pop("example", None)
    properties = document["components"]["schemas"]["NewJob"]["properties"]
    for name in properties:
        properties[name] = VALUES.get(f"createJob.{name}", properties[name])


@schemathesis.hook
def filter_failure(context, failure, _case, response):
    """Keep a failure unless it is expected. Schemathesis counts the failures that are dropped."""
    kind = type(failure).__name__
    is_problem = response.headers.get("content-type") == ["application/problem+json"]
    code = response.json()["code"] if is_problem else None
    # GET of a resource of DICOMweb is a search or a retrieval. PS3.18 defines both and the service has neither: 501, not 405.
    if code == "dicomweb_not_offered":
        return False
    # POST /v1/uploads gives an address. The upload exists once its bytes were sent, and PUT sends them again after a DELETE.
    if context.operation.path == "/v1/uploads/{id}" and kind in ("EnsureResourceAvailability", "UseAfterFree"):
        return False
    if kind == "RejectedPositiveData":
        return code not in BEYOND_THE_SCHEMA
    # A batch has one outcome per film. Outcomes that are all refused are the refusal of the request.
    if kind == "AcceptedNegativeData" and context.operation.path == "/v1/batches":
        return any(outcome["status"] < 400 for outcome in response.json()["outcomes"])
    return True
