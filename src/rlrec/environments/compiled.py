"""The simulator as a TensorFlow graph: the same dynamics and observations, compiled, for training.

`rlrec.environments.sessions` is the reference; a test plays the same slates through both and compares every number.
What is here is what a rollout needs at every step, on tensors that stay where they are: B sessions in step, nothing
told but rewards and clicks. All functions are pure and are traced into `rlrec.agents.actor_critic.rollout`.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from rlrec.environments.compiled_belief import CompiledBelief
from rlrec.environments.fitted import noise_of
from rlrec.environments.observations import OBSERVATIONS
from rlrec.metrics.stars import CLICK_THRESHOLD, HIGHEST_RATING, LOWEST_RATING
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Tensor = Any  # tf.Tensor has no usable static type


class Session(NamedTuple):
    """State of B sessions.

    The last six fields belong to the observation; those that an observation does not use are empty.
    """

    taste: Tensor  # (B, D)
    start: Tensor  # (B, D) taste at the start; (B, 0) where tastes do not recover
    available: Tensor  # (B, M) 1.0 where a movie may be shown; M is N padded to whole blocks, the padding is 0
    demographics: Tensor  # (B, 4)
    step: Tensor  # () int32
    clicks: Tensor  # (B,)
    rewards: Tensor  # (B,) sum so far
    shown: Tensor  # (B, F) sums of features
    weighted: Tensor  # (B, F) sums of (rating - 3.5) · features
    last: Tensor  # (B, F), or (B, G + 2) for the thesis's observation
    liked: Tensor  # (B, G) liked movies by genre
    belief: Tensor  # (B, D') float64, D' being the length of a vector that the agent knows
    covariance: Tensor  # (B, D', D') float64


class Simulation:
    """Constants of a world and a scenario on the TensorFlow side, and the transition over them.

    They are tensors captured by the traced function, hence inputs of the compiled program: as literals, a large
    catalogue would be compiled into it.
    """

    def __init__(self, world: World, scenario: ScenarioConfig, block: int) -> None:
        """Prepares a world, its movies padded to a multiple of `block`."""
        self.scenario = scenario
        self.n_movies = world.n_movies
        self.padded = -(-world.n_movies // block) * block
        knowledge = Knowledge.of(world)
        known = knowledge.representation(scenario.features)
        self.features = tf.constant(np.pad(known.features, ((0, self.padded - world.n_movies), (0, 0))))  # (M, F)
        self.movies = tf.constant(world.movie_vectors)  # (N, D)
        self.violence = tf.constant(world.violence)  # (N,)
        users = world.users_in("train")
        self._tastes = tf.constant(world.user_vectors[users])
        self._demographics = tf.constant(world.demographics[users])
        self._n_genres = world.n_genres
        self.belief = CompiledBelief(knowledge, scenario, self.padded)
        self.noise = noise_of(world, scenario)
        self._history = scenario.observation == "history"
        self.state_size = OBSERVATIONS[scenario.observation].size(knowledge, scenario)

    def start(self, batch: int, seed: Tensor) -> Session:
        """B new sessions of users drawn from the training pool; `seed` is `(2,)` int32."""
        drawn = tf.random.stateless_uniform((batch,), seed, maxval=self._tastes.shape[0], dtype=tf.int32)
        return self.start_with(tf.gather(self._tastes, drawn), tf.gather(self._demographics, drawn))

    def start_with(self, tastes: Tensor, demographics: Tensor) -> Session:
        """New sessions of users with these tastes `(B, D)` and demographics `(B, 4)`."""
        batch, n_features = tastes.shape[0], self.features.shape[1]
        sums = tf.zeros((batch, n_features if self._history else 0))
        mean, covariance = self.belief.prior_mean, self.belief.prior_covariance
        size = mean.shape[0] if self._history else 0
        return Session(
            taste=tastes,
            start=tastes if self.scenario.recovery else tastes[:, :0],
            available=self.available(batch),
            demographics=demographics,
            step=tf.zeros((), tf.int32),
            clicks=tf.zeros(batch),
            rewards=tf.zeros(batch),
            shown=sums,
            weighted=sums,
            last=sums if self._history else tf.zeros((batch, self._n_genres + 2)),
            liked=tf.zeros((batch, self._n_genres if self._history else 0)),
            belief=tf.tile(mean[None, :size], (batch, 1)),
            covariance=tf.tile(covariance[None, :size, :size], (batch, 1, 1)),
        )

    def available(self, batch: int) -> Tensor:
        """`(B, M)`, what may be shown in new sessions."""
        return tf.tile(tf.cast(tf.range(self.padded) < self.n_movies, tf.float32)[None], (batch, 1))

    def observe(self, session: Session) -> Tensor:
        """`(B, S)`, see `rlrec.environments.observations`."""
        if not self._history:
            return tf.concat([session.demographics, session.last], axis=1)
        steps = tf.cast(tf.maximum(session.step, 1), tf.float32)
        progress = tf.cast(session.step, tf.float32) / self.scenario.episode_length
        shown = self.scenario.episode_length * self.scenario.slate_size
        parts = [session.shown / steps, session.weighted / steps, session.last]
        parts += [*self.belief.observe(session.belief, session.covariance), session.liked / shown]
        return tf.concat([*parts, session.demographics, tf.fill((session.taste.shape[0], 1), progress)], axis=1)

    def expected_reward(self, session: Session) -> Tensor:
        """`(B, M)`, what movies are expected to be worth by what is believed, in stars: see `policies.rewards`."""
        return self.expected_of(self.believed(session))

    def believed(self, session: Session) -> Tensor:
        """`(B, V)`, as much of what is believed as `expected_of` needs, to be kept for later."""
        return self.belief.summary(session.belief, session.covariance)

    def expected_of(self, believed: Tensor) -> Tensor:
        """`(B, M)`, `expected_reward` of the sessions of which this `(B, V)` was believed."""
        ratings, weight = self.belief.expect(believed), self.scenario.lambda_non_violent
        if not weight:
            return ratings
        mild = tf.pad(1 - self.violence, ((0, self.padded - self.n_movies),))
        return (1 - weight) * tf.clip_by_value(ratings, LOWEST_RATING, HIGHEST_RATING) + weight * mild

    def expected_at(self, believed: Tensor, vectors: Tensor, mild: Tensor) -> Tensor:
        """`(B, C)`, `expected_of` for movies with these vectors `(B, C, D)` and 1 less their violence `(B, C)`."""
        ratings, weight = self.belief.expect_at(believed, vectors), self.scenario.lambda_non_violent
        return self._with_mild(ratings, mild, weight) if weight else ratings

    def about(
        self, believed: Tensor, product: Any, mean: Tensor, squares: Tensor, above: Tensor, mild: Tensor
    ) -> Tensor:
        """About what groups of movies are worth at best by what is believed, cheaply: see `CompiledBelief.about`."""
        ratings, weight = self.belief.about(believed, product, mean, squares, above), self.scenario.lambda_non_violent
        return self._with_mild(ratings, mild, weight) if weight else ratings

    @staticmethod
    def _with_mild(ratings: Tensor, mild: Tensor, weight: float) -> Tensor:
        return (1 - weight) * tf.clip_by_value(ratings, LOWEST_RATING, HIGHEST_RATING) + weight * mild

    def transition(
        self, session: Session, slates: Tensor, available: Tensor, luck: Tensor | None = None
    ) -> tuple[Session, Tensor, Tensor]:
        """Shows `(B, K)` int32 slates.

        Args:
            session: before.
            slates: movies that are available and distinct (the sampler sees to it: nothing is checked here).
            available: `(B, M)` without the slate's movies; used unless repeats are allowed.
            luck: `(B, K)` standard normal, by which ratings scatter (`scenario.noise`); none where absent.

        Returns:
            The session after, the ratings `(B, K)` and the rewards `(B,)`.
        """
        scenario = self.scenario
        movies = tf.gather(self.movies, slates)  # (B, K, D)
        scores = tf.einsum("bkd,bd->bk", movies, session.taste)
        if luck is not None:
            scores += self.noise * luck
        ratings = tf.clip_by_value(scores, LOWEST_RATING, HIGHEST_RATING)
        rewards = tf.reduce_mean(self._worth(slates, ratings), axis=1) / HIGHEST_RATING
        clicks = tf.reduce_mean(tf.cast(ratings > CLICK_THRESHOLD, tf.float32), axis=1)
        after = session._replace(
            taste=self._recover(self._react(session.taste, movies, ratings), session.start),
            available=session.available if scenario.allow_repeats else available,
            step=session.step + 1,
            clicks=session.clicks + clicks,
            rewards=session.rewards + rewards,
        )
        return self._remember(after, slates, movies, ratings), ratings, rewards

    def rewards(self, slates: Tensor, ratings: Tensor) -> Tensor:
        """`(B, K)`, what each position of slates with these ratings is worth; a slate's reward is their mean."""
        return self._worth(slates, ratings) / HIGHEST_RATING

    def _worth(self, slates: Tensor, ratings: Tensor) -> Tensor:
        """The same in stars."""
        scenario, weight = self.scenario, self.scenario.lambda_non_violent
        if scenario.reward != "rating":  # whoever is simulated rates whatever he is shown
            won = ratings > (CLICK_THRESHOLD if scenario.reward == "liked" else 0)
            return HIGHEST_RATING * tf.cast(won, tf.float32)
        return (1 - weight) * ratings + weight * (1 - tf.gather(self.violence, slates)) if weight else ratings

    def _react(self, taste: Tensor, movies: Tensor, ratings: Tensor) -> Tensor:
        fixed, affinities = taste[:, : -self._n_genres], taste[:, -self._n_genres :]
        cap = self.scenario.affinity_cap
        for k in range(movies.shape[1]):
            liked = (ratings[:, k, None] >= self.scenario.threshold) & (movies[:, k, -self._n_genres :] > 0)
            moved = tf.clip_by_value(affinities * (1 + self.scenario.delta), -cap, cap)
            affinities = tf.where(liked, moved, affinities)
        return tf.concat([fixed, affinities], axis=1)

    def _recover(self, taste: Tensor, start: Tensor) -> Tensor:
        return taste + self.scenario.recovery * (start - taste) if self.scenario.recovery else taste

    def _remember(self, session: Session, slates: Tensor, movies: Tensor, ratings: Tensor) -> Session:
        if not self._history:
            violence = tf.gather(self.violence, slates[:, -1])[:, None]
            genres = movies[:, -1, -self._n_genres :]
            return session._replace(last=tf.concat([genres, ratings[:, -1:] / HIGHEST_RATING, violence], axis=1))
        features = tf.gather(self.features, slates)  # (B, K, F)
        last = tf.reduce_mean((ratings - CLICK_THRESHOLD)[:, :, None] * features, axis=1)
        belief, covariance = self.belief.update(session.belief, session.covariance, slates, ratings)
        liked = tf.cast(ratings >= self.scenario.threshold, tf.float32)[:, :, None] * movies[:, :, -self._n_genres :]
        return session._replace(
            shown=session.shown + tf.reduce_mean(features, axis=1),
            weighted=session.weighted + last,
            last=last,
            liked=session.liked + tf.reduce_sum(liked, axis=1),
            belief=belief,
            covariance=covariance,
        )
