import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';

/**
 * The address and SHA-256 of the NuGet package that holds the CUDA provider of ONNX Runtime (docs/container.md):
 * `-c cudaProviderUrl=… -c cudaProviderSha256=…`.
 */
export type CudaProvider = { readonly url: string; readonly sha256: string };

/** The CUDA provider of the command line. Throws where only one value is given, because the image build would fail later. */
export function cudaProviderOf(url: string | undefined, sha256: string | undefined): CudaProvider | undefined {
  if (url && sha256) return { url, sha256 };
  if (!url && !sha256) return undefined;
  throw new Error(`-c ${url ? 'cudaProviderSha256' : 'cudaProviderUrl'}=… is missing: give both values or neither.`);
}

const root = join(import.meta.dirname, '../..');

/**
 * The image of the service. CUDA is another target of the same Dockerfile. The image labels contain version and revision.
 * A release pins the base images by digest: `-c nodeImage=… -c cudaImage=…` (docs/container.md).
 */
export function serviceImage(scope: Construct, cuda: boolean, provider: CudaProvider | undefined): ContainerImage {
  const contextKeys = { NODE_IMAGE: 'nodeImage', CUDA_IMAGE: 'cudaImage' };
  const baseImages = Object.entries(contextKeys).map(([name, key]) => [name, scope.node.tryGetContext(key)]);
  return ContainerImage.fromAsset(root, {
    file: 'functions/Dockerfile',
    target: cuda ? 'cuda' : 'cpu',
    platform: Platform.LINUX_AMD64,
    buildArgs: {
      VERSION: version(),
      REVISION: revision(),
      ...Object.fromEntries(baseImages.filter(([, image]) => image)),
      // Without these arguments the build of the target `cuda` fails and names them.
      ...(cuda && provider && { ORT_GPU_URL: provider.url, ORT_GPU_SHA256: provider.sha256 }),
    },
  });
}

const version = (): string => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

/** The last commit that changed the content of the image, so that other commits cause no new image and no deployment. */
function revision(): string {
  const ignoreFile = readFileSync(join(root, '.dockerignore'), 'utf8');
  const content = ['.dockerignore', ...[...ignoreFile.matchAll(/^!(.+)$/gm)].map(([, path = '']) => path)];
  const git = (...args: string[]) =>
    execFileSync('git', [...args, '--', ...content], { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    const commit = git('log', '-1', '--format=%H');
    if (commit === '') return 'unknown';
    return git('status', '--porcelain') === '' ? commit : `${commit}-changed`;
  } catch {
    // The folder is no git clone.
    return 'unknown';
  }
}
