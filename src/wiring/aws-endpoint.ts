import type { Config } from '../config/schema/config-schema.ts'

/** Where a service is: as said for it, or for all. A place without a region is an emulator's: any will do there. */
export function placeOf({ region, endpoint }: Config['aws'], aws: Config['aws']) {
  const url = endpoint ?? aws.endpoint
  return { region: region ?? aws.region ?? 'us-east-1', ...(url !== undefined && { endpoint: url }) }
}
