/** The tenant of requests without a key: requests on loopback, and the command line. */
export const localTenant = 'local';
