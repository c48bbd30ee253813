import { App } from 'aws-cdk-lib';
import { cudaProviderOf } from './compute/image.ts';
import { environmentNamed } from './environments.ts';
import { addNagChecks } from './nag.ts';
import { createStacks } from './stacks.ts';

// npx cdk deploy -c env=prod --all        docs/architecture.md shows what it deploys.
const app = new App();
const context = (name: string): string | undefined => app.node.tryGetContext(name);
addNagChecks(app);
const cudaProvider = cudaProviderOf(context('cudaProviderUrl'), context('cudaProviderSha256'));
createStacks(app, environmentNamed(context('env') ?? 'dev'), cudaProvider);
