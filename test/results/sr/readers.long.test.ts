import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openReader, type Reader } from '../../support/pacs/reader.ts';
import { sampleReports } from '../../support/pacs/reports.ts';

// The reports in programs of other vendors.

const names = [
  'all findings of a MONOCHROME1 film',
  'one finding under a header without optional attributes',
  'a name in three scripts, a heat map, a warning',
];
let reader: Reader;
let reports: Awaited<ReturnType<typeof sampleReports>>;
let folder: string;
const fileOf = (name: string) => join(folder, `${names.indexOf(name)}.dcm`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alara-readers-'));
  reader = await openReader();
  reports = await sampleReports(reader);
  expect(Object.keys(reports)).toEqual(names);
  for (const name of names) writeFileSync(fileOf(name), reports[name] ?? '');
});
afterAll(async () => {
  await reader?.close();
  rmSync(folder, { recursive: true });
});

const jars = ['pixelmed', 'commons-codec', 'hsqldb', 'javax.json', 'slf4j-api', 'slf4j-jdk14'].map(
  (name) => `/usr/share/java/${name}.jar`,
);
const java = [...jars, '/usr/bin/java'].every((file) => existsSync(file));

describe.skipIf(!java)('PixelMed (apt-get install libpixelmed-java default-jre-headless)', () => {
  // The style sheets of PixelMed exceed the JVM's limits for XPath.
  const limits = ['xpathTotalOpLimit', 'xpathExprOpLimit', 'xpathExprGrpLimit'].map((name) => `-Djdk.xml.${name}=0`);

  test.each(names)('DicomSRValidator finds no error in %s', { timeout: 900_000 }, (name) => {
    const args = [...limits, '-cp', jars.join(':'), 'com.pixelmed.validate.DicomSRValidator', fileOf(name)];
    const { stdout } = spawnSync('java', args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
    expect(stdout).toContain('Found Root Template TID_1500 (MeasurementReport)');
    expect(stdout).toContain('Root Template Validation Complete');
    expect(stdout).toContain('IOD validation complete');
    expect(stdout.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
  });
});

const python = fileURLToPath(new URL('../../../.venv/bin/python', import.meta.url));
const highdicom = spawnSync(python, ['-c', 'import highdicom']).status === 0;

describe.skipIf(!highdicom)('highdicom (test/requirements.txt)', () => {
  const script = `
import json, sys
from highdicom.sr import srread
content = srread(sys.argv[1]).content
print(json.dumps([{
  'uid': group.tracking_uid,
  'finding': group.finding_type.value,
  'numbers': {each.name.value: each.value for each in group.get_measurements()},
  'calls': [each.value.value for each in group.get_qualitative_evaluations()],
} for group in content.get_image_measurement_groups()]))`;

  test.each(names)('srread finds the measurement groups of %s', { timeout: 120_000 }, (name) => {
    const groups = JSON.parse(execFileSync(python, ['-c', script, fileOf(name)], { encoding: 'utf8' }));
    expect(groups).toHaveLength(name.startsWith('all') ? 14 : name.startsWith('one') ? 1 : 2);
    for (const { uid, finding, numbers, calls } of groups) {
      expect(uid).toMatch(/^2\.25\./);
      expect(finding).not.toBe('');
      expect(numbers['122157']).toBeGreaterThan(0);
      expect(Object.keys(numbers)).toEqual(
        expect.arrayContaining(['THRESHOLD', 'BAND_LOW', 'BAND_HIGH', 'AUROC', 'CI95_LOW', 'CI95_HIGH', 'RESOLUTION']),
      );
      expect(calls).toHaveLength(4);
      expect(calls).toContain('SPECIFIC');
    }
  });
});

const executablePath = '/usr/bin/chromium';
const ohif = fileURLToPath(new URL('./ohif', import.meta.url));
const installed = existsSync(executablePath) && existsSync(join(ohif, 'node_modules'));

describe.skipIf(!installed)("OHIF's SR handler (npm test installs it; apt-get install chromium)", () => {
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    const bundle = join(folder, 'ohif.js');
    await bundleHandler(bundle);
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(`${error.message} ${error.stack}`));
    await page.addScriptTag({ path: bundle });
    expect(complaints).toEqual([]);
  }, 120_000);
  afterAll(() => browser?.close());

  test.each(names)(
    'loads %s beside its film, and does not treat it as its own annotation',
    { timeout: 60_000 },
    async (name) => {
      const base64 = Buffer.from(reports[name] ?? '').toString('base64');
      const loaded = await page.evaluate((given) => window.loadReport(given), base64);
      expect(loaded.label).toMatch(/^AI, research only: /);
      expect(loaded.measurements).toHaveLength(name.startsWith('all') ? 14 : name.startsWith('one') ? 1 : 2);
      for (const { shown, labels } of loaded.measurements) {
        expect(shown, 'is placed on the film').toBe(true);
        expect(labels[0]).toMatch(/^Probability: /);
      }
      expect(loaded.isRehydratable).toBe(false);
    },
  );
});

type LoadedReport = {
  readonly label: string;
  readonly isRehydratable: boolean;
  readonly measurements: readonly { readonly shown: boolean; readonly labels: readonly string[] }[];
};

declare global {
  interface Window {
    loadReport(base64: string): Promise<LoadedReport>;
  }
}

/**
 * OHIF's extension, core and adapters, with stand-ins for the services of its application and the film as the active
 * display set. Their imports of the user interface are never called and are left out.
 */
async function bundleHandler(outfile: string): Promise<void> {
  const application = `
    import extension from '@ohif/extension-cornerstone-dicom-sr';
    import { classes, DicomMetadataStore } from '@ohif/core';
    import { metaData } from '@cornerstonejs/core';
    import dcmjs from 'dcmjs';

    const provider = classes.MetadataProvider;
    metaData.addProvider(provider.get.bind(provider), 9999);

    window.loadReport = async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const { dict } = dcmjs.data.DicomMessage.readFile(bytes.buffer);
      const report = dcmjs.data.DicomMetaDictionary.naturalizeDataset(dict);
      const [series] = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence;
      const [reference] = series.ReferencedSOPSequence;
      const film = {
        StudyInstanceUID: report.StudyInstanceUID,
        SeriesInstanceUID: series.SeriesInstanceUID,
        SOPInstanceUID: reference.ReferencedSOPInstanceUID,
        SOPClassUID: reference.ReferencedSOPClassUID,
        Modality: 'DX', Rows: 1024, Columns: 1024,
      };
      const imageId = 'wadors:https://pacs.test/studies/' + film.StudyInstanceUID + '/series/' + film.SeriesInstanceUID +
        '/instances/' + film.SOPInstanceUID + '/frames/1';
      DicomMetadataStore.addInstances([film]);
      provider.addImageIdToUIDs(imageId, film);
      const services = {
        displaySetService: {
          activeDisplaySets: [{ ...film, displaySetInstanceUID: 'film', images: [film] }],
          EVENTS: {},
          subscribe() {},
        },
        measurementService: {
          getSourceMappings: () =>
            ['Length', 'Bidirectional', 'EllipticalROI', 'CircleROI', 'RectangleROI', 'ArrowAnnotate', 'Probe', 'Angle',
              'CobbAngle', 'PlanarFreehandROI', 'SplineROI', 'LivewireContour', 'UltrasoundDirectional',
            ].map((annotationType) => ({ annotationType })),
        },
        customizationService: { getCustomization() {} },
        uiNotificationService: { show({ message }) { throw new Error(message); } },
      };
      const dataSource = { getImageIdsForDisplaySet: () => [imageId] };
      const handlers = extension.getSopClassHandlerModule({
        servicesManager: { services },
        extensionManager: { getDataSources: () => [dataSource], getActiveDataSource: () => [dataSource] },
      });
      const handler = handlers.findLast(({ sopClassUids }) => sopClassUids.includes(report.SOPClassUID));
      const [displaySet] = handler.getDisplaySetsFromSeries([report]);
      await displaySet.load();
      return {
        label: displaySet.label,
        isRehydratable: displaySet.isRehydratable,
        measurements: displaySet.measurements.map(({ loaded, labels }) => ({
          shown: loaded,
          labels: labels.map(({ label, value }) => label + ': ' + value),
        })),
      };
    };`;
  const userInterface =
    /^(@ohif\/(extension-cornerstone|i18n|ui-next)|@ohif\/core\/src\/contextProviders\/SystemProvider|events|url)$/;
  const nothing =
    'module.exports = { __esModule: true, default: { t: (text) => text }, EventEmitter: class {}, Enums: {} }';
  await build({
    stdin: { contents: application, resolveDir: ohif },
    ...{ bundle: true, outfile, format: 'iife', platform: 'browser', logLevel: 'error', define: { global: 'window' } },
    plugins: [
      {
        name: 'no user interface',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: userInterface }, ({ path }) => ({ path, namespace: 'nothing' }));
          onLoad({ filter: /./, namespace: 'nothing' }, () => ({ contents: nothing }));
        },
      },
    ],
  });
}
