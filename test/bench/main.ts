/** The benchmark and its sub-commands: npm run bench -- [peers|money|endurance|gpu] --help. */
const commands: Readonly<Record<string, string>> = {
  peers: './peers/peers.ts',
  money: './money.ts',
  endurance: './endurance.ts',
  gpu: './gpu/gpu.ts',
};
const [name = ''] = process.argv.slice(2);
if (Object.hasOwn(commands, name)) process.argv.splice(2, 1);
await import(commands[name] ?? './bench.ts');
