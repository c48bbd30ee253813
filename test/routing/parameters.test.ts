import { describe, expect, test } from 'vitest';
import { parseParameters, textOf } from '../../functions/routing/parameters.ts';
import { catalogOf, faultOf, head, policyOf, unwrap, variant } from '../support/family.ts';

const catalog = catalogOf([variant('r256', 256, 10, { Edema: head(0.8), Mass: head(0.7), Nodule: head(0.6) })]);
const vocabulary = {
  catalog,
  policies: { test: policyOf({}, { auroc: 0.5, bound: 'lower' }) },
  defaultPolicy: 'test',
};
const parse = (text: Record<string, string>) => parseParameters(text, vocabulary);

describe('parameters', () => {
  test('have defaults if they are absent', () => {
    expect(unwrap(parse({}))).toEqual({
      findings: ['Edema', 'Mass', 'Nodule'],
      minAuroc: {},
      prevalence: {},
      policy: 'test',
      operatingPoint: 'specific',
      variant: undefined,
      bestEffort: false,
      explain: false,
    });
  });

  test('with the same meaning are equal, whatever their order, spacing and repetition', () => {
    const one = unwrap(parse({ findings: 'Nodule,Edema', minAuroc: 'Nodule:0.6,Edema:0.7', bestEffort: 'false' }));
    const two = unwrap(parse({ findings: ' Edema , Nodule,Edema', minAuroc: ' Edema : .70, Nodule:0.6 ' }));
    expect(JSON.stringify(one)).toBe(JSON.stringify(two));
  });

  test('name findings without regard to case, in every parameter', () => {
    const canonical = { findings: 'Mass,Nodule', minAuroc: 'Nodule:0.6', prevalence: 'Mass:0.1' };
    const spelt = { findings: 'NODULE,mass', minAuroc: 'nodule:0.6', prevalence: 'mASS:0.1' };
    expect(unwrap(parse(spelt))).toEqual(unwrap(parse(canonical)));
    expect(faultOf(parse({ minAuroc: 'nodule:0.7,Nodule:0.8' }))).toMatchObject({ problem: 'Nodule is given twice' });
  });

  test('without a similar known name get no suggestion', () => {
    expect(faultOf(parse({ findings: 'Gout' }))).not.toHaveProperty('nearest');
    expect(faultOf(parse({ colour: 'red' } as Record<string, string>))).not.toHaveProperty('nearest');
  });

  test('mean the same as JSON values, as a repeated parameter and as one text', () => {
    const text = { findings: 'Mass,Nodule', minAuroc: 'Mass:0.7,Nodule:0.6', prevalence: '0.05', bestEffort: 'true' };
    const values = { Mass: 0.7, Nodule: 0.6 };
    const json = { findings: ['Nodule', 'Mass'], minAuroc: values, prevalence: 0.05, bestEffort: true };
    const repeated = { ...text, findings: ['Mass', 'Nodule'], minAuroc: ['Mass:0.7', 'Nodule:0.6'] };
    expect(unwrap(parse(textOf(json)))).toEqual(unwrap(parse(text)));
    expect(unwrap(parse(textOf({ ...repeated, bestEffort: 'true' as const })))).toEqual(unwrap(parse(text)));
    expect(textOf({ minAuroc: undefined, policy: 'test' })).toEqual({ policy: 'test' });
  });

  test('keep small JSON numbers, which JavaScript writes with an exponent', () => {
    expect(unwrap(parse(textOf({ prevalence: 1e-7 }))).prevalence['Mass']).toBe(1e-7);
  });

  test('with one number apply it to every requested finding', () => {
    const request = unwrap(parse({ findings: 'Mass,Nodule', minAuroc: '0.7', prevalence: '0.1' }));
    expect(request.minAuroc).toEqual({ Mass: 0.7, Nodule: 0.7 });
    expect(request.prevalence).toEqual({ Mass: 0.1, Nodule: 0.1 });
  });

  test('with a finding that the family omits get the reason, in every parameter', () => {
    const auroc = { r256: head(0.5, 0.44, 0.56).auroc };
    const reason = 'Hernia is not above chance on the films that were measured.';
    const without = { ...vocabulary, catalog: { ...catalog, notServed: [{ finding: 'Hernia', reason, auroc }] } };
    for (const [name, value] of Object.entries({
      findings: 'Mass,Hernia',
      minAuroc: 'Hernia:0.7',
      prevalence: 'Hernia:0.1',
    }))
      expect(faultOf(parseParameters({ [name]: value }, without))).toEqual({
        code: 'finding_not_served',
        finding: 'Hernia',
        reason,
        known: ['Edema', 'Mass', 'Nodule'],
      });
    expect(faultOf(parseParameters({ findings: 'Gout' }, without))).toMatchObject({ code: 'unknown_finding' });
    expect(unwrap(parseParameters({}, without)).findings).toEqual(['Edema', 'Mass', 'Nodule']);
  });

  test('take the operating point of the request, then that of the policy, then the default', () => {
    const policies = { test: { ...vocabulary.policies.test, operatingPoint: 'balanced' as const } };
    const point = (text: Record<string, string>, given = vocabulary) =>
      unwrap(parseParameters(text, given)).operatingPoint;
    expect(point({})).toBe('specific');
    expect(point({}, { ...vocabulary, policies })).toBe('balanced');
    expect(point({ operatingPoint: 'sensitive' }, { ...vocabulary, policies })).toBe('sensitive');
  });

  test('name no operating point if the default differs between the findings', () => {
    const { balanced } = head(0.7).operatingPoints;
    const mixed = catalogOf([
      variant('r256', 256, 10, { Mass: { ...head(0.7), operatingPoints: { balanced } }, Nodule: head(0.6) }),
    ]);
    const point = (findings: string) =>
      unwrap(parseParameters({ findings }, { ...vocabulary, catalog: mixed })).operatingPoint;
    expect([point('Mass'), point('Nodule'), point('Mass,Nodule')]).toEqual(['balanced', 'specific', undefined]);
  });

  test('accept bestEffort, explain and variant', () => {
    expect(unwrap(parse({ bestEffort: 'true', explain: 'heatmap', variant: 'r256', policy: 'test' }))).toMatchObject({
      bestEffort: true,
      explain: true,
      variant: 'r256',
    });
  });

  test.each([
    [{ findings: 'Nodul' }, { code: 'unknown_finding', finding: 'Nodul', known: catalog.findings, nearest: 'Nodule' }],
    [{ findings: 'lung nodule' }, { code: 'unknown_finding', finding: 'lung nodule', nearest: 'Nodule' }],
    [{ findings: '' }, { code: 'invalid_parameter', parameter: 'findings' }],
    [{ findings: 'Nodule,' }, { code: 'invalid_parameter', parameter: 'findings' }],
    [{ policy: 'lax' }, { code: 'unknown_policy', known: ['test'] }],
    [{ policy: 'Tset' }, { code: 'unknown_policy', nearest: 'test' }],
    [{ variant: 'R-256' }, { code: 'unknown_variant', nearest: 'r256' }],
    [
      { Finding: 'Mass', colour: 'red' },
      { code: 'unknown_parameter', nearest: { Finding: 'findings' } },
    ],
    [{ policy: 'toString' }, { code: 'unknown_policy' }],
    [{ variant: 'r1024' }, { code: 'unknown_variant', known: ['r256'] }],
    [{ operatingPoint: 'youden' }, { code: 'invalid_parameter', parameter: 'operatingPoint' }],
    [{ bestEffort: 'yes' }, { code: 'invalid_parameter', parameter: 'bestEffort' }],
    [{ explain: 'words' }, { code: 'invalid_parameter', parameter: 'explain' }],
    [
      { colour: 'red' },
      { code: 'unknown_parameter', parameters: ['colour'], known: expect.arrayContaining(['findings', 'prevalence']) },
    ],
    [{ minAuroc: 'high' }, { code: 'invalid_parameter', parameter: 'minAuroc' }],
    [{ minAuroc: '' }, { code: 'invalid_parameter', parameter: 'minAuroc' }],
    [{ minAuroc: '1.01' }, { code: 'invalid_parameter', parameter: 'minAuroc' }],
    [{ minAuroc: '-0.1' }, { code: 'invalid_parameter', parameter: 'minAuroc' }],
    [{ minAuroc: '1e-1' }, { code: 'invalid_parameter', parameter: 'minAuroc' }],
    [
      { minAuroc: '0.7,0.8' },
      { code: 'invalid_parameter', parameter: 'minAuroc', problem: expect.stringContaining('one number') },
    ],
    [{ minAuroc: 'Nodul:0.7' }, { code: 'unknown_finding', finding: 'Nodul' }],
    [{ minAuroc: 'Nodule:0.7,Nodule:0.8' }, { code: 'invalid_parameter', problem: 'Nodule is given twice' }],
    [
      { findings: 'Mass', minAuroc: 'Nodule:0.7' },
      { code: 'invalid_parameter', problem: 'Nodule is not among the findings asked for' },
    ],
    [{ prevalence: '0' }, { code: 'invalid_parameter', parameter: 'prevalence' }],
    [{ prevalence: 'Nodule:1' }, { code: 'invalid_parameter', parameter: 'prevalence' }],
  ])('%j is refused by name', (text, fault) => {
    expect(faultOf(parse(text as unknown as Record<string, string>))).toMatchObject(fault);
  });

  test.each([['0'], ['1'], ['.5'], ['0.999']])('minAuroc=%s is within bounds', (text) => {
    expect(unwrap(parse({ minAuroc: text })).minAuroc['Mass']).toBe(Number(text));
  });
});
