// Which modules an adapter changes, by PEFT's rules: a name fits a module that is it or ends in `.name`; one regular expression
// fits whole names; all-linear stands for every linear module of the layers (the output layer is none of them).
import { FourfoldError } from '../../core/errors.ts';
import type { ModelConfig } from '../config.ts';
import { trunkShapes } from '../parameters.ts';

export const ALL_LINEAR = 'all-linear';
const PLAIN_NAME = /^[\w.-]+$/;
const SUFFIX = '.weight';

/** [out, in] of every linear module of the layers, by full name. */
export function linearModules(config: ModelConfig): Map<string, number[]> {
  const layers = `${config.modules.trunk}.${config.modules.layers}.`;
  return new Map(
    [...trunkShapes(config)]
      .filter(([name, shape]) => name.startsWith(layers) && name.endsWith(SUFFIX) && shape.length === 2)
      .map(([name, shape]) => [name.slice(0, -SUFFIX.length), shape]),
  );
}

/** @throws bad-option for what is no regular expression here. */
function wholeName(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch (error) {
    throw new FourfoldError('bad-option', `Expected names of modules or a regular expression, got ${pattern}.`, {
      cause: error,
    });
  }
}

/** Ends of the names by which the modules of a layer are told apart. */
const endsOf = (modules: Iterable<string>) =>
  [...new Set([...modules].map((module) => module.slice(module.lastIndexOf('.') + 1)))].sort();

/**
 * The modules that the targets fit, and the targets as PEFT writes them.
 * @param targets names, or one regular expression or all-linear
 * @throws bad-option for a target that fits none, with the names that there are
 */
export function resolveTargets(
  config: ModelConfig,
  targets: ReadonlyArray<string>,
): { modules: string[]; targets: string | string[] } {
  const known = [...linearModules(config).keys()];
  const [only = '', ...others] = targets;
  if (others.length === 0 && only === ALL_LINEAR) return { modules: known, targets: endsOf(known) };
  const isPattern = others.length === 0 && !PLAIN_NAME.test(only);
  const fits = (target: string): ((module: string) => boolean) => {
    if (!isPattern) return (module) => module === target || module.endsWith(`.${target}`);
    const pattern = wholeName(target);
    return (module) => pattern.test(module);
  };
  for (const target of targets) {
    if (known.some(fits(target))) continue;
    throw new FourfoldError(
      'bad-option',
      `Expected names of linear modules of the layers, but ${target} fits none. There are: ${endsOf(known).join(', ')}.`,
    );
  }
  return {
    modules: known.filter((module) => targets.some((target) => fits(target)(module))),
    targets: isPattern ? only : [...targets],
  };
}
