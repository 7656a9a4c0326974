// ui/later.tsx: a page, or a part of one, that is fetched when it is first shown; again when a server that was away is back.
//   const Versions = later(() => import("./versions.tsx"), (module) => module.Versions);
import {h, type ComponentType} from "preact";
import {useEffect, useState} from "preact/hooks";
import type {ApiProblem} from "../api/client.ts";
import {away} from "../live/live.ts";
import {problemOf} from "../live/resource.ts";
import {ProblemNote} from "./problem.tsx";
import {Skeleton} from "./states.tsx";

export function later<M, P extends object>(load: () => Promise<M>, pick: (module: M) => ComponentType<P>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Later(props: P) {
    const [, rerender] = useState(0);
    const [problem, setProblem] = useState<ApiProblem | null>(null);
    useEffect(() => {
      if (loaded) return;
      load().then((module) => {
        loaded = pick(module);
        rerender((n) => n + 1);
      }, (error: unknown) => setProblem(problemOf(error)));
    }, [away.value]);
    if (loaded) return h(loaded, props);
    return problem ? <ProblemNote problem={problem} goesOn onRetry={problem.offline ? undefined : () => location.reload()} /> : <Skeleton rows={8} />;
  };
}
