/** What a key may be used for: films and their readings, jobs and uploads, or the PACS entrances. */
export const scopes = ['readings', 'jobs', 'pacs'] as const;
export type Scope = (typeof scopes)[number];

export type ApiKey = {
  /** The part of the key that may be shown: it names the key, it does not open anything. */
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly revokedAt?: string;
};

/** What signs a tenant's webhooks. While the secret is exchanged the one before signs as well, for a time. */
export type Secrets = {
  readonly secret: string;
  readonly previous?: { readonly secret: string; readonly until: string };
};

/** Where a tenant's webhooks may go, and what signs them. */
export type Webhooks = Secrets & { readonly hosts: readonly string[] };

/** Who may use the service. Keys are kept as a digest only. */
export type Access = {
  /** Make a key; the text is shown this once and kept nowhere. */
  createKey(tenant: string, scopes: readonly Scope[]): Promise<{ readonly key: string; readonly apiKey: ApiKey }>;
  /** The key that a text is, unless it is unknown or revoked. */
  check(key: string): Promise<ApiKey | undefined>;
  listKeys(): Promise<ApiKey[]>;
  revokeKey(id: string): Promise<boolean>;
  /** Allow a tenant's webhooks to go to a host; the first one makes the signing secret. */
  allowWebhooks(tenant: string, host: string): Promise<Webhooks>;
  /** Take a host off the list; false when it was not on it. The secret stays. */
  denyWebhooks(tenant: string, host: string): Promise<boolean>;
  /** Make a new signing secret; the one before signs as well until then. Undefined where no host was ever allowed. */
  rotateWebhooks(tenant: string, previousUntil: Date): Promise<Webhooks | undefined>;
  webhooks(tenant: string): Promise<Webhooks | undefined>;
};
