//! What all clients of AWS share: credentials, region, HTTP, retries, errors for people.
