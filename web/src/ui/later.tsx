// ui/later.tsx: a part of a page that is fetched when it is first shown.
//   const Versions = later(() => import("./versions.tsx"), (module) => module.Versions);
import {h, type ComponentType} from "preact";
import {useEffect, useState} from "preact/hooks";
import {problemOf} from "../live/resource.ts";
import {ProblemNote} from "./problem.tsx";
import {Skeleton} from "./states.tsx";

export function later<M, P extends object>(load: () => Promise<M>, pick: (module: M) => ComponentType<P>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Later(props: P) {
    const [, rerender] = useState(0);
    const [problem, setProblem] = useState<unknown>(null);
    useEffect(() => {
      if (loaded) return;
      load().then((module) => {
        loaded = pick(module);
        rerender((n) => n + 1);
      }, setProblem);
    }, []);
    if (problem) return <ProblemNote problem={problemOf(problem)} onRetry={() => location.reload()} />;
    return loaded ? h(loaded, props) : <Skeleton />;
  };
}
