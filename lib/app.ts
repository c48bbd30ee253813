import { App } from 'aws-cdk-lib';
import { checked } from './checked.ts';
import { cudaProviderOf } from './compute/task.ts';
import { environmentNamed } from './environments.ts';
import { stacks } from './stacks.ts';

// npx cdk deploy -c env=prod --all        docs/architecture.md has the picture.
const app = new App();
const context = (name: string): string | undefined => app.node.tryGetContext(name);
checked(app);
const cudaProvider = cudaProviderOf(context('cudaProviderUrl'), context('cudaProviderSha256'));
stacks(app, environmentNamed(context('env') ?? 'dev'), cudaProvider);
