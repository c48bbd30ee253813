/** Where a request from the service to Orthanc is stopped: before Orthanc gets it, or when it has answered. */
export type Trap = {
  readonly moment: 'before' | 'after';
  readonly method: string;
  /** A regular expression. */
  readonly path: string;
  /** How many requests like it pass first. */
  readonly skip?: number;
  /** Released, the request goes on; otherwise it stays unanswered. */
  readonly resumes?: true;
};

export type Asking = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** A file that is sent as it is. */
  readonly bodyFile?: string;
  /** Where the answer goes, which then is not told. */
  readonly saveTo?: string;
};

export type ToInside =
  | { readonly kind: 'ask'; readonly id: number; readonly url: string; readonly init: Asking }
  | { readonly kind: 'trap'; readonly trap: Trap | null }
  /** How many requests to a path, a regular expression, the service has sent by way of the proxy. */
  | { readonly kind: 'count'; readonly id: number; readonly path: string };

export type FromInside =
  | { readonly kind: 'ready' }
  | { readonly kind: 'sprung' }
  /** Status 0: nobody answered. */
  | { readonly kind: 'answer'; readonly id: number; readonly status: number; readonly body: string };
