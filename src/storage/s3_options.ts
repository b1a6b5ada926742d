/** How an S3 store is reached. What is left out comes from `AWS_*` variables. */
export interface S3Options {
  /** `https://minio.example.org:9000`; AWS when left out. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  /** `https://endpoint/bucket/key` rather than `https://bucket.endpoint/key`. Default: when there is an endpoint. */
  readonly pathStyle?: boolean;
}
