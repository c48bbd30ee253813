"""Uses a client of openapi-python-client. The test generates the package, checks this file with mypy --strict and runs it."""

import io
import json
import sys
import time
from pathlib import Path

from alara_client import AuthenticatedClient
from alara_client.api.jobs import create_job, create_upload, get_job, send_upload
from alara_client.api.readings import create_reading
from alara_client.models import (
    CreateReadingFilesBody,
    Job,
    JobState,
    NewJob,
    Reading,
    TooSmallProblem,
    Upload,
)
from alara_client.types import File, Unset

base_url, webhook, key = sys.argv[1:]
client = AuthenticatedClient(base_url=base_url, token=key)
film = Path("film.dcm").read_bytes()
findings = ["Nodule", "Edema"]


def file(data: bytes) -> File:
    return File(payload=io.BytesIO(data), file_name="film.dcm")


raw = create_reading.sync(client=client, body=file(film), findings=findings)
assert isinstance(raw, Reading), raw
form = create_reading.sync(client=client, body=CreateReadingFilesBody(image=file(film)), findings=findings)
assert isinstance(form, Reading), form

upload = create_upload.sync(client=client)
assert isinstance(upload, Upload), upload
sent = send_upload.sync_detailed(client=client, id=upload.id, body=file(film))
assert sent.status_code == 204, sent.content
job = create_job.sync(client=client, body=NewJob(upload=upload.id, findings=["Nodule"], webhook=webhook))
assert isinstance(job, Job), job
while job.state in (JobState.QUEUED, JobState.RUNNING):
    time.sleep(0.2)
    polled = get_job.sync(client=client, id=job.id)
    assert isinstance(polled, Job), polled
    job = polled

refused = create_reading.sync(client=client, body=file(Path("tiny.png").read_bytes()))
# Each code has its own class: `short_side` and `floor` exist on TooSmallProblem only.
assert isinstance(refused, TooSmallProblem), refused

point = raw.findings[0].operating_point
assert not isinstance(point, Unset)
print(
    json.dumps(
        {
            "bits": int(raw.film.bits),
            "same": raw.id == form.id,
            "low": point.low,
            "high": point.high,
            "state": job.state.value,
            "outcome": job.outcomes[0].to_dict(),
            "typed": {"shortSide": refused.short_side, "floor": refused.floor},
        }
    )
)
