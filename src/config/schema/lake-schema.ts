import Type from 'typebox'
import { awsEndpoint, literals, sizeBytes, strict, toggle } from './schema-parts.ts'

export const LakeConfig = strict({
  kind: literals(['fs', 's3'], {
    description: 'Where events and rollups are kept: below `dataDir`, or in a bucket.',
    default: 'fs',
  }),
  bucket: Type.Optional(
    Type.String({
      description: 'Required for `s3`: a general purpose bucket.',
      form: 'the name of a bucket',
      example: 'my-lake',
    }),
  ),
  prefix: Type.Optional(
    Type.String({
      description: 'Begins every key; no segment of it begins with a dot.',
      pattern: '^([A-Za-z0-9_=~-][A-Za-z0-9._=~-]*(/|$))+$',
      form: 'folders without a slash before them, none of which begins with a dot',
      example: 'headgate/prod/',
    }),
  ),
  ...awsEndpoint('the bucket', 'that of `aws.region`'),
  forcePathStyle: toggle(false, {
    description:
      'Whether the bucket is named in the path and not in the host, as most servers need that are not S3.',
  }),
  maxTempBytes: sizeBytes(17_179_869_184, {
    description:
      'Room in `dataDir/tmp` for copies of objects while they are read. It must hold what one window reads.',
    example: '64GiB',
    minimum: 1_048_576,
  }),
})
