import { expect, test } from 'vitest';
import { alara } from '../support/cli.ts';

const wrong: readonly (readonly [what: string, args: string[], says: RegExp, environment?: Record<string, string>])[] =
  [
    ['no command', [], /Usage: alara/],
    ['an unknown command', ['reed'], /unknown command 'reed'/],
    ['an unknown option', ['read', 'x.png', '--jason'], /unknown option '--jason'[\s\S]*--json/],
    ['no film', ['read'], /missing required argument/],
    ['a folder without films', ['read', 'functions/cli'], /functions\/cli contains no \.png/],
    ['two formats', ['read', 'x.png', '--json', '--csv'], /cannot be used with/],
    ['heat maps without JSON', ['read', 'x.png', '--explain'], /add --json/],
    ['an unknown finding', ['read', 'x.png', '--findings', 'Nodul'], /Unknown finding.*Nodule/],
    ['an unknown policy', ['route', '--policy', 'mine'], /Unknown policy.*sabottke-spieler-2020/],
    ['an unknown variant', ['route', '--variant', 'r1'], /Unknown variant.*alara catalog show/],
    ['a target that is not a number', ['route', '--min-auroc', 'high'], /--min-auroc.*not a number/],
    ['a prevalence above 1', ['read', 'x.png', '--prevalence', '5'], /--prevalence/],
    ['a wrong setting', ['read', 'x.png'], /ALARA_WORKERS=0: expected/, { ALARA_WORKERS: '0' }],
    [
      'an unknown setting',
      ['serve'],
      /ALARA_COLOUR: unknown setting\. Correct its name, or name a variable of your own without ALARA_/,
      { ALARA_COLOUR: 'red' },
    ],
    ['an unknown setting for another command', ['keys', 'ls'], /ALARA_DAAT: unknown setting/, { ALARA_DAAT: '/data' }],
    ['a missing family', ['serve'], /does not exist/, { ALARA_FAMILY: 'nobody' }],
    ['a store that cannot be', ['serve'], /ALARA_DATA=.*cannot be opened/, { ALARA_DATA: 'package.json' }],
    ['an address of another machine', ['serve'], /HOST=192\.0\.2\.1: this machine has no such/, { HOST: '192.0.2.1' }],
  ];

test.for(wrong)('%s ends with code 2, one error and no stack', async ([, args, says, environment]) => {
  const { code, stdout, stderr } = await alara(args, environment);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test.for([[], ['serve'], ['read'], ['route'], ['catalog', 'show'], ['catalog', 'verify'], ['doctor']])(
  'the help of %j has an example',
  async (verb) => {
    const { code, stdout } = await alara([...verb, '--help']);
    expect(stdout).toMatch(/Examples?:\n.*alara/);
    expect(code).toBe(0);
  },
);
