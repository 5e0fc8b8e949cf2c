"""What a simulated chain is made of: blocks, tokens, the protocols on it, opening balances. Plain data."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

D = Decimal
NATIVE = "ETH"  # the asset that pays for gas


class UniswapRange(Struct, frozen=True):
    """What liquidity providers keep so many ticks (a tick is about a basis point) on each side of the market's price:
    ``value`` in USDT, half of it in each token. ``half_width`` None: over all prices.
    """

    half_width: int | None
    value: Decimal


class UniswapSettings(Struct, frozen=True, kw_only=True):
    """Any two tokens with a price have a pool at each fee tier, all as deep. ``fee``: the tier when none is named."""

    fee: int = 500
    ranges: tuple[UniswapRange, ...] = (
        UniswapRange(100, D(2_000_000)),
        UniswapRange(1000, D(10_000_000)),
        UniswapRange(None, D(20_000_000)),
    )


class CurvePool(Struct, frozen=True, kw_only=True):
    """A pool of coins that are worth the same. Fees are in 1/10^10; ``value`` is what it opens with, in coins."""

    name: str
    coins: tuple[str, ...]
    amplification: int
    fee: int
    admin_fee: int
    value: Decimal


class AaveReserve(Struct, frozen=True, kw_only=True):
    """Risk parameters in basis points. ``borrowable``: the most that one wallet may owe, in tokens."""

    token: str
    loan_to_value: int
    threshold: int
    bonus: int
    borrowable: Decimal


class MorphoMarket(Struct, frozen=True, kw_only=True):
    """``supplied``: by others, in loan tokens; ``utilisation`` of it is borrowed. ``name`` stands in position keys."""

    name: str
    collateral: str
    loan: str
    lltv: Decimal
    supplied: Decimal
    utilisation: Decimal = D("0.9")


class ChainSettings(Struct, frozen=True, kw_only=True):
    """One chain. ``gas`` is in units per operation.

    A transaction is final once so many blocks hold it (``confirmations``, its own included, 1 to 64). ``automine``: a
    transaction that can be mined is, at once, in a block of its own. ``block_time_s``: a block that often, with what
    waits; None: none by time. With more than one confirmation and neither, blocks come by the control endpoint only.
    ``base_fee``: of every block, native units per gas; None: the market's gas price. ``tip``: what the node suggests.
    """

    lane: str
    chain_id: int = 1
    native: str = NATIVE
    first_block: int = 18_900_000
    decimals: dict[str, int] = {}
    gas: dict[str, int] = {}
    opening: dict[str, Decimal] = {}
    uniswap: UniswapSettings = UniswapSettings()
    curve: tuple[CurvePool, ...] = ()
    aave: tuple[AaveReserve, ...] = ()
    morpho: tuple[MorphoMarket, ...] = ()
    confirmations: int = 1
    automine: bool = True
    block_time_s: float | None = None
    base_fee: Decimal | None = None
    tip: Decimal = D("1e-9")


def chain(lane: str, chain_id: int | None = None, confirmations: int = 1) -> ChainSettings:
    """A chain with the tokens of the basis trades, and an ample wallet. ``chain_id`` None: 1. The protocols' parameters
    are like those of Ethereum's main markets in 2025.
    """
    opening = {
        "wallet:BaseToken:ETH": D(100),
        "wallet:BaseToken:WETH": D(100),
        "wallet:BaseToken:WBTC": D(10),
        "wallet:BaseToken:USDT": D(1_000_000),
        "wallet:BaseToken:USDC": D(1_000_000),
    }
    return ChainSettings(
        lane=lane,
        chain_id=chain_id or 1,
        confirmations=confirmations,
        decimals={"ETH": 18, "WETH": 18, "WBTC": 8, "USDT": 6, "USDC": 6, "DAI": 18},
        gas=_gas(),
        opening=opening,
        curve=(
            CurvePool(
                name="3pool",
                coins=("DAI", "USDC", "USDT"),
                amplification=4000,
                fee=1_000_000,
                admin_fee=5_000_000_000,
                value=D(180_000_000),
            ),
        ),
        aave=(
            AaveReserve(token="WETH", loan_to_value=8050, threshold=8300, bonus=10500, borrowable=D(100_000)),
            AaveReserve(token="WBTC", loan_to_value=7300, threshold=7800, bonus=10500, borrowable=D(5_000)),
            AaveReserve(token="USDT", loan_to_value=7500, threshold=7800, bonus=10450, borrowable=D(100_000_000)),
            AaveReserve(token="USDC", loan_to_value=7500, threshold=7800, bonus=10450, borrowable=D(100_000_000)),
            AaveReserve(token="DAI", loan_to_value=6300, threshold=7700, bonus=10500, borrowable=D(20_000_000)),
        ),
        morpho=(
            MorphoMarket(name="WBTC/USDC", collateral="WBTC", loan="USDC", lltv=D("0.86"), supplied=D(150_000_000)),
            MorphoMarket(name="WETH/USDT", collateral="WETH", loan="USDT", lltv=D("0.86"), supplied=D(50_000_000)),
        ),
    )


def _gas() -> dict[str, int]:
    return {
        "base": 21_000,
        "uniswap.swap": 130_000,  # a hop
        "curve.swap": 130_000,
        "curve.add_liquidity": 220_000,
        "curve.remove_liquidity": 200_000,
        "aave.supply": 200_000,
        "aave.withdraw": 220_000,
        "aave.borrow": 290_000,
        "aave.repay": 180_000,
        "aave.set_collateral": 110_000,
        "morpho.supply": 130_000,
        "morpho.withdraw": 140_000,
        "morpho.supply_collateral": 100_000,
        "morpho.withdraw_collateral": 130_000,
        "morpho.borrow": 180_000,
        "morpho.repay": 130_000,
        "wallet.transfer": 44_000,
        "wallet.transfer_native": 0,
    }
