"""Policy gradients whose rollouts are kept: V-trace, REINFORCE, PPO."""
