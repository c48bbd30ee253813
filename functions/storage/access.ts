/** The tenant of requests without a key: requests on loopback, and the command line. */
export const localTenant = 'local';

/** The permissions of a key: films and their readings, jobs and uploads, or STOW-RS and the PACS hooks. */
export const scopes = ['readings', 'jobs', 'pacs'] as const;
export type Scope = (typeof scopes)[number];

export type ApiKey = {
  /** The public part of the key. It identifies the key and grants nothing. */
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly revokedAt?: string;
};

/** The secrets that sign a tenant's webhooks. After a rotation, the previous secret signs too until a given time. */
export type Secrets = {
  readonly secret: string;
  readonly previous?: { readonly secret: string; readonly until: string };
};

/** The hosts that a tenant's webhooks may be sent to, and the secrets that sign them. */
export type Webhooks = Secrets & { readonly hosts: readonly string[] };

/** API keys and webhook permissions. Only the digest of a key is stored. */
export type Access = {
  /** Create a key. The caller gets its text once; it is not stored. */
  createKey(tenant: string, scopes: readonly Scope[]): Promise<{ readonly key: string; readonly apiKey: ApiKey }>;
  /** The key with this text. Undefined where it is unknown or revoked. */
  check(key: string): Promise<ApiKey | undefined>;
  listKeys(): Promise<ApiKey[]>;
  revokeKey(id: string): Promise<boolean>;
  /** Allow a tenant's webhooks to a host. The first call creates the signing secret. */
  allowWebhooks(tenant: string, host: string): Promise<Webhooks>;
  /** Remove a host from the list. False where the list did not contain it. The secret stays. */
  denyWebhooks(tenant: string, host: string): Promise<boolean>;
  /** Create a new signing secret. The previous one signs too until the given time. Undefined where no host was ever allowed. */
  rotateWebhooks(tenant: string, previousUntil: Date): Promise<Webhooks | undefined>;
  webhooks(tenant: string): Promise<Webhooks | undefined>;
};
