/** Filters one behind the other: frames in at the front, frames out at the end, in step. */
import { AV_BUFFERSRC_FLAG_KEEP_REF } from 'node-av/constants';
import { Filter, type FilterContext, FilterGraph, type Frame } from 'node-av/lib';

/** A filter's name and its arguments. */
export type FilterSpec = readonly [name: string, args: string];

export class FilterChain {
  readonly #graph = new FilterGraph();
  readonly #source: FilterContext;
  readonly #sink: FilterContext;
  readonly #about: string;

  /** @param input what the source is told of the frames that come. Throws when the filters do not fit. */
  constructor(input: string, filters: readonly FilterSpec[]) {
    this.#about = `${input} ${filters.map((filter) => filter.join('=')).join(' ')}`;
    this.#graph.alloc();
    this.#source = this.#create('buffer', input);
    this.#sink = this.#create('buffersink', '');
    const chain = [this.#source, ...filters.map(([name, args]) => this.#create(name, args)), this.#sink];
    for (const [i, filter] of chain.entries()) {
      const next = chain[i + 1];
      if (next && filter.link(0, next, 0) < 0) throw new Error(`the filters do not fit: ${this.#about}`);
    }
    const result = this.#graph.configSync();
    if (result < 0) throw new Error(`the filters refuse ${this.#about} (${result})`);
  }

  /** Fills `into` with what comes out, if anything does. The frame that goes in stays whole. */
  pass(frame: Frame, into: Frame): boolean {
    const added = this.#source.buffersrcAddFrameSync(frame, AV_BUFFERSRC_FLAG_KEEP_REF);
    if (added < 0) throw new Error(`the filters refuse a frame (${added}): ${this.#about}`);
    return this.#sink.buffersinkGetFrameSync(into) >= 0;
  }

  close(): void {
    this.#graph.free();
  }

  #create(name: string, args: string): FilterContext {
    const filter = Filter.getByName(name);
    const context = filter && this.#graph.createFilter(filter, name, args);
    if (!context) throw new Error(`the filter ${name} refuses ${args}`);
    return context;
  }
}
