/** The benchmark and its sub-commands: npm run bench -- [peers|money|endurance] --help. */
const commands: Readonly<Record<string, string>> = {
  peers: './peers/peers.ts',
  money: './money.ts',
  endurance: './endurance.ts',
};
const [name = ''] = process.argv.slice(2);
if (Object.hasOwn(commands, name)) process.argv.splice(2, 1);
await import(commands[name] ?? './bench.ts');
