import { Counter, Gauge, Histogram } from 'prom-client'
import { catalogue } from './catalogue.ts'
import type { MetricDeclaration } from './declaration.ts'
import type { MetricRegistry } from './metric-registry.ts'

type Catalogue = typeof catalogue
type NameOf<Type extends string> = {
  [Name in keyof Catalogue]: Catalogue[Name] extends { readonly type: Type } ? Name : never
}[keyof Catalogue]
type LabelOf<Name extends keyof Catalogue> = Catalogue[Name] extends { readonly labels: infer Labels }
  ? keyof Labels & string
  : never

/** `read` sets it whenever somebody asks for it, in place of each time that something happens. */
export const counter = <Name extends NameOf<'counter'>>(
  metrics: MetricRegistry,
  name: Name,
  read?: (counter: Counter<LabelOf<Name>>) => void,
): Counter<LabelOf<Name>> => new Counter({ ...common(metrics, name), ...reading(read) })

/** `read` sets it whenever somebody asks for it. Of several workers the catalogue says how their values become one. */
export const gauge = <Name extends NameOf<'gauge'>>(
  metrics: MetricRegistry,
  name: Name,
  read?: (gauge: Gauge<LabelOf<Name>>) => void,
): Gauge<LabelOf<Name>> =>
  new Gauge({ ...common(metrics, name), aggregator: catalogue[name].ofWorkers, ...reading(read) })

export const histogram = <Name extends NameOf<'histogram'>>(
  metrics: MetricRegistry,
  name: Name,
): Histogram<LabelOf<Name>> =>
  new Histogram({ ...common(metrics, name), buckets: [...catalogue[name].buckets] })

function common<Name extends keyof Catalogue>(metrics: MetricRegistry, name: Name) {
  const { help, labels = {} }: MetricDeclaration = catalogue[name]
  return { name, help, labelNames: Object.keys(labels) as LabelOf<Name>[], registers: [metrics] }
}

/** prom-client calls it as a method of the instrument. */
const reading = <Instrument>(read: ((instrument: Instrument) => void) | undefined) =>
  read === undefined
    ? {}
    : {
        collect(this: Instrument) {
          read(this)
        },
      }
