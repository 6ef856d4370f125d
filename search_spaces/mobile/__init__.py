"""Mobile networks: stages of depthwise blocks with expansions, as of MobileNetV2, MnasNet and EfficientNet."""
