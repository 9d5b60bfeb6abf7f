/**
 * What a distillation is made of. All of it is kept with the weights, and a run only resumes with the same, but for the
 * number of steps: how fast a machine is shows only on the way.
 *
 * @module
 */

/** Numbers of a run. */
export interface DistilOptions {
  /** Folder with the packs and the teacher. */
  readonly data: string;
  /** The student's `config.json`. */
  readonly encoder: Readonly<Record<string, unknown>>;
  /** Edge of the teacher's images, 32 times the edge of the student's grid. */
  readonly teacherSize: number;
  /** Part of the views that show photos of Flickr8k; the rest shows Tiny-ImageNet. */
  readonly flickrShare: number;
  /** Views of a step that each worker sees. */
  readonly views: number;
  /** Workers, each with one thread. The sum of their gradients, in order, makes a step. */
  readonly workers: number;
  /** Steps of the run. A run that resumes may be given others. */
  readonly steps: number;
  /** Steps over which the learning rate rises. */
  readonly warmup: number;
  /** Steps at the end over which it falls to 0; in between it stays. */
  readonly cooldown: number;
  /** Highest learning rate. */
  readonly learningRate: number;
  /** Decay of the matrices. */
  readonly weightDecay: number;
  /** Most steps that the average of the weights looks back. */
  readonly average: number;
  /** Photos of the validation split that are looked at. */
  readonly validation: number;
  /** Seed of weights and views. */
  readonly seed: number;
}

/** Where a parameter lies among all of them. */
export interface ParameterPlace {
  /** Name. */
  readonly name: string;
  /** Extents. */
  readonly shape: readonly number[];
  /** Whether it is a matrix in the backend's layout. */
  readonly matrix: boolean;
  /** First element. */
  readonly offset: number;
  /** Elements. */
  readonly count: number;
}
