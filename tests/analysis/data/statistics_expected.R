# Records what R says of statistics_cases.json: Rscript statistics_expected.R > statistics_expected.json
# Packages: jsonlite, rstatix (with car), effectsize, multcompView.
suppressPackageStartupMessages({library(jsonlite); library(rstatix); library(effectsize); library(multcompView)})
cases <- fromJSON("statistics_cases.json", simplifyVector = TRUE)

one <- function(groups) {
  groups <- lapply(groups, as.numeric)
  d <- data.frame(y = unlist(groups, use.names = FALSE), g = factor(rep(names(groups), lengths(groups)), levels = names(groups)))
  k <- length(groups); n <- lengths(groups); m <- sapply(groups, mean); v <- sapply(groups, var)
  out <- list()
  out$describe <- lapply(groups, function(x) list(mean = mean(x), sd = sd(x), quartiles = unname(quantile(x))))
  out$shapiro <- lapply(groups, function(x) { s <- tryCatch(shapiro.test(x), error = function(e) NULL)
    if (is.null(s)) NULL else list(w = unname(s$statistic), p = s$p.value) })
  lev <- levene_test(d, y ~ g, center = median); out$levene <- list(statistic = lev$statistic, p = lev$p)
  kw <- kruskal.test(y ~ g, d); out$kruskal <- list(statistic = unname(kw$statistic), df = unname(kw$parameter), p = kw$p.value)
  out$epsilon2 <- rank_epsilon_squared(y ~ g, data = d, ci = NULL)[[1]]
  if (all(v > 0)) { w <- oneway.test(y ~ g, d); out$welch <- list(statistic = unname(w$statistic), df = unname(w$parameter), p = w$p.value) }
  dn <- suppressWarnings(dunn_test(d, y ~ g, p.adjust.method = "holm"))
  i <- match(dn$group1, names(groups)); j <- match(dn$group2, names(groups))
  out$dunn <- data.frame(a = dn$group1, b = dn$group2, z = -dn$statistic, p = dn$p, adjusted = dn$p.adj)
  se <- v[i] / n[i] + v[j] / n[j]; t <- (m[i] - m[j]) / sqrt(se)
  df <- se^2 / ((v[i] / n[i])^2 / (n[i] - 1) + (v[j] / n[j])^2 / (n[j] - 1))
  gh <- data.frame(a = names(groups)[i], b = names(groups)[j], t = unname(t), df = unname(df), raw = unname(2 * pt(-abs(t), df)),
                   adjusted = unname(ptukey(abs(t) * sqrt(2), k, df, lower.tail = FALSE)))
  rs <- games_howell_test(d, y ~ g); gh$rstatix <- rs$p.adj[match(paste(gh$a, gh$b), paste(rs$group1, rs$group2))]
  out$games_howell <- gh
  dfs <- (v[i] + v[j])^2 / (v[i]^2 / (n[i] - 1) + v[j]^2 / (n[j] - 1))  # Delacre et al. 2021; effectsize corrects with Welch's df
  out$cohen <- mapply(function(p, q) suppressWarnings(cohens_d(groups[[p]], groups[[q]], pooled_sd = FALSE, ci = NULL)[[1]]), i, j)
  out$hedges <- unname(out$cohen * exp(lgamma(dfs / 2) - log(sqrt(dfs / 2)) - lgamma((dfs - 1) / 2)))
  out$cliff <- mapply(function(p, q) suppressWarnings(cliffs_delta(groups[[p]], groups[[q]], ci = NULL)[[1]]), i, j)
  p <- setNames(dn$p.adj, paste(dn$group1, dn$group2, sep = "-"))
  out$letters <- as.list(multcompLetters(p, threshold = 0.05)$Letters)
  if (length(unique(n)) == 1) {
    x <- do.call(cbind, groups)
    f <- friedman.test(x); out$friedman <- list(statistic = unname(f$statistic), p = f$p.value)
    out$kendall_w <- unname(f$statistic) / (nrow(x) * (k - 1))
    pw <- mapply(function(p, q) suppressWarnings(wilcox.test(groups[[p]], groups[[q]], paired = TRUE))$p.value, i, j)
    vs <- mapply(function(p, q) suppressWarnings(wilcox.test(groups[[p]], groups[[q]], paired = TRUE))$statistic, i, j)
    out$wilcoxon <- data.frame(a = names(groups)[i], b = names(groups)[j], v = unname(vs), p = pw, adjusted = p.adjust(pw, "holm"))
  }
  if (k == 2) {
    t2 <- t.test(groups[[1]], groups[[2]]); out$t <- list(statistic = unname(t2$statistic), df = unname(t2$parameter), p = t2$p.value)
    u <- suppressWarnings(wilcox.test(groups[[1]], groups[[2]])); out$mann_whitney <- list(statistic = unname(u$statistic), p = u$p.value)
  }
  out
}
grid <- expand.grid(q = c(0.5, 1, 2, 3, 4, 5, 7, 10, 20), k = c(2, 3, 5, 10, 20, 50), df = c(2, 3, 7.5, 18, 60, 1000))
grid$p <- ptukey(grid$q, grid$k, grid$df, lower.tail = FALSE)
raw <- c(0.01, 0.04, 0.03, 0.005, 0.2, 0.9, 0.04)
power <- power.t.test(delta = log(1.05), sd = sqrt(log(1 + 0.03^2)), power = 0.8, strict = TRUE)
out <- list(cases = lapply(cases, one), ptukey = grid,
            adjust = list(raw = raw, holm = p.adjust(raw, "holm"), bonferroni = p.adjust(raw, "bonferroni")),
            power_n = power$n, versions = c(R = R.version.string, rstatix = as.character(packageVersion("rstatix")),
            effectsize = as.character(packageVersion("effectsize"))))
cat(toJSON(out, digits = NA, auto_unbox = TRUE, null = "null", na = "null"), "\n")
