HONORIFICS = ("先生", "女士", "医生")
