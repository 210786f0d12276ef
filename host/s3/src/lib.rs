//! An S3-shaped API in front of a store: buckets, objects, multipart uploads, signatures.
