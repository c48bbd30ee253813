/** Where to stop a request from the service to Orthanc: before Orthanc receives it, or after Orthanc has answered. */
export type Trap = {
  readonly moment: 'before' | 'after';
  readonly method: string;
  /** A regular expression. */
  readonly path: string;
  /** The number of matching requests that pass first. */
  readonly skip?: number;
  /** If true, the request is forwarded after its release. Otherwise it stays unanswered. */
  readonly resumes?: true;
};

export type Asking = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** A file that is sent unchanged. */
  readonly bodyFile?: string;
  /** A file for the body of the answer. The message then has no body. */
  readonly saveTo?: string;
};

export type ToInside =
  | { readonly kind: 'ask'; readonly id: number; readonly url: string; readonly init: Asking }
  | { readonly kind: 'trap'; readonly trap: Trap | null }
  /** Count the requests from the service through the proxy whose path matches a regular expression. */
  | { readonly kind: 'count'; readonly id: number; readonly path: string };

export type FromInside =
  | { readonly kind: 'ready' }
  | { readonly kind: 'sprung' }
  /** Status 0: no answer. */
  | { readonly kind: 'answer'; readonly id: number; readonly status: number; readonly body: string };
