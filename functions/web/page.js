const at = (id) => document.getElementById(id);
const drop = at('drop');
const file = at('file');
const policy = at('policy');
const operatingPoint = at('operating-point');
const key = at('key');

/** Send a request, with the API key if the user entered one. The page never stores the key: closing the page discards it. */
const ask = (url, { headers = {}, ...init } = {}) =>
  fetch(url, { ...init, headers: { ...headers, ...(key.value && { authorization: `Bearer ${key.value}` }) } });

async function loadPolicies() {
  const response = await ask('/v1/catalog');
  const answer = await response.json();
  at('key-row').hidden = response.status !== 401 && !key.value;
  if (!response.ok) return say(`${answer.title}. ${answer.fix}`, true);
  say('');
  const { policies, policyInForce } = answer;
  policy.replaceChildren(
    ...Object.keys(policies).map((name) => new Option(name, name, name === policyInForce, name === policyInForce)),
  );
}
key.addEventListener('change', loadPolicies);
await loadPolicies();

drop.addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  if (event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
});
file.addEventListener('change', () => file.files[0] && read(file.files[0]));
document.addEventListener('paste', (event) => {
  if (event.clipboardData.files[0]) read(event.clipboardData.files[0]);
});
at('request').addEventListener('submit', (event) => event.preventDefault());

/** Send a film. Show its reading, or the error and its fix. */
async function read(film) {
  const type = film.type || 'application/dicom';
  // Browsers cannot display DICOM.
  at('film').hidden = type === 'application/dicom';
  if (!at('film').hidden) at('film').src = URL.createObjectURL(film);
  at('findings-table').hidden = true;
  at('summary').hidden = true;
  say('Reading…');
  const query = new URLSearchParams({ policy: policy.value });
  if (operatingPoint.value) query.set('operatingPoint', operatingPoint.value);
  const findings = at('findings').value.trim();
  if (findings) query.set('findings', findings);
  const url = `/v1/readings?${query}`;
  try {
    const response = await ask(url, { method: 'POST', headers: { 'content-type': type }, body: film });
    const answer = await response.json();
    if (!response.ok) return say(`${answer.title}. ${answer.fix}`, true);
    show(answer);
  } catch {
    return say('The service did not answer. Is it still running?', true);
  }
  // A file name with a leading dash would be parsed as an option or as standard input.
  const path = film.name.startsWith('-') ? `./${film.name}` : film.name;
  const headers = [`content-type: ${type}`, ...(key.value ? ['authorization: Bearer KEY'] : [])];
  at('curl').textContent = [
    `curl --data-binary ${shellQuoted(`@${path}`)}`,
    ...headers.map((header) => `-H ${shellQuoted(header)}`),
    shellQuoted(`${location.origin}${url}`),
  ].join(' ');
  at('curl').hidden = false;
}

/** Quote text as one word of a POSIX shell. The same function as in functions/platform/shell-quoted.ts. */
function shellQuoted(text) {
  if (/^[\w./:@%+,=-]+$/.test(text)) return text;
  const octal = (character) => character.charCodeAt(0).toString(8).padStart(3, '0');
  const quoted = text.replaceAll("'", "'\\''");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters except the line feed.
  return `'${quoted.replace(/[\x01-\x09\x0b-\x1f\x7f]/g, (one) => `'"$(printf '\\${octal(one)}')"'`)}'`;
}

function say(text, problem = false) {
  at('status').textContent = text;
  at('status').classList.toggle('problem', problem);
}

function show({ plan, summary, findings, timingsMs, warnings, notice }) {
  const sides = plan.variants.map(({ resolution }) => `${resolution} px`).join(' and ');
  const share = Math.round(100 * plan.costVsLargest);
  const warned = warnings.map(({ message }) => ` Warning: ${message}`).join('');
  say(
    `Read at ${sides} in ${Math.round(timingsMs.total)} ms: ${share} % of the cost of always using ${plan.largest.variant}. ${notice}${warned}`,
  );
  at('summary').textContent = summary.text;
  at('summary').hidden = false;
  const ranked = findings.toSorted((a, b) => a.rank - b.rank);
  const rows = ranked.map((finding) => {
    const row = document.createElement('tr');
    row.className = finding.call;
    const { low, high } = finding.operatingPoint;
    const cells = [
      finding.displayName,
      finding.call,
      finding.probability.toFixed(3),
      low < high ? `${low.toFixed(3)}–${high.toFixed(3)}` : low.toFixed(3),
      finding.variant,
      finding.why,
    ];
    row.append(
      ...cells.map((text, i) => {
        const cell = document.createElement('td');
        cell.textContent = text;
        if (i === 2 || i === 3) cell.className = 'number';
        return cell;
      }),
    );
    return row;
  });
  at('findings-table').tBodies[0].replaceChildren(...rows);
  at('findings-table').hidden = false;
}
