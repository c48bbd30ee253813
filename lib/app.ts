import { App } from 'aws-cdk-lib';
import { DataStack } from './data-stack.ts';
import { environmentNamed } from './environments.ts';

const app = new App();
const environment = environmentNamed(String(app.node.tryGetContext('env') ?? 'dev'));
new DataStack(app, `Alara-${environment.name}-Data`, { environment });
