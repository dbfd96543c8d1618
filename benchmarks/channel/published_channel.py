"""What the papers report of the channels: their own stored results, 50 trials."""

TRIALS = 50
SNRS = (4, 8, 12, 16, 20)  # dB, of the first

# stored results of arXiv 2307.14719: mean NMSE over configurations [dB], its median, symbol error rate, seconds
PUBLISHED = {
    "svd": dict(mean=(-2.2, -5.2, -7.1, -9.1, -9.8), median=(-3.7, -10.4, -19.9, -24.2, -28.9),
                ser=(.25, .14, .092, .060, .060), seconds=(30, 10, 6.4, 5.7, 5.7)),
    "am": dict(mean=(-1.5, -4.9, -7.1, -8.6, -11.6), median=(-0.2, -8.1, -16.4, -22.9, -29.2),
               ser=(.24, .071, .027, .0039, 0), seconds=(44, 20, 12, 12.5, 12)),
    "pc": dict(mean=(-5.1, -8.8, -13.1, -20.5, -25.3), median=(-9.0, -14.3, -19.2, -23.8, -28.2),
               ser=(.13, .017, 5e-4, 0, 0), seconds=(27, 14, 9.8, 8.0, 7.4)),
}  # fmt: skip
# stored results of arXiv 2310.07869, 4 pilots x 10 configurations: mean NMSE over configurations [dB]
PUBLISHED_4_10 = {"svd": (-7.0, -17.7, -24.9, -30.7, -36.5, -43.6), "am": (-7.5, -11.9, -21.5, -30.8, -37.9, -44.0),
                  "decompose": (-17.4, -25.0, -31.4, -37.0, -42.2, -47.8)}  # fmt: skip
